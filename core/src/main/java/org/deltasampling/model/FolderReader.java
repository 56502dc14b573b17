package org.deltasampling.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.deltasampling.model.clip.ClipText;
import org.deltasampling.model.mmdit.MMDiT;
import org.deltasampling.model.t5.T5Encoder;
import org.deltasampling.model.unet.UNet;
import org.deltasampling.nn.Parameters;
import org.deltasampling.weights.KeyTable;

/** Reads the parts of a model from a diffusers folder. */
final class FolderReader {

    private final DiffusersFolder folder;
    private final ModelParts parts;

    private FolderReader(DiffusersFolder folder, ModelParts parts) {
        this.folder = folder;
        this.parts = parts;
    }

    /** Adds what is in {@code root} to {@code parts}. */
    static void read(Path root, ModelOverrides overrides, ModelParts parts) {
        new FolderReader(DiffusersFolder.open(root), parts).read(overrides);
    }

    private void read(ModelOverrides overrides) {
        if (folder.has(PartNames.TRANSFORMER)) {
            parts.transformer = part(
                    PartNames.TRANSFORMER,
                    PartFolder.DIFFUSION,
                    MMDiT.Config::read,
                    c -> KeyTable.read("mmdit-diffusers"),
                    MMDiT::new);
        } else {
            parts.unet = part(
                    PartNames.UNET,
                    PartFolder.DIFFUSION,
                    UNet.Config::read,
                    c -> KeyTable.read("unet-diffusers"),
                    UNet::new);
        }
        if (overrides.vae() == null) {
            parts.vae = AutoencoderReader.read(folder.part(PartNames.VAE), parts.files);
        }
        readTexts();
        Architecture family = parts.architecture();
        parts.sampleSize = folder.part(parts.transformer != null ? PartNames.TRANSFORMER : PartNames.UNET)
                .config(FolderReader::sampleSize);
        parts.zeroForEmptyNegative = folder.flag("force_zeros_for_empty_prompt", family.zeroForEmptyNegative());
        Path scheduler = folder.part(PartNames.SCHEDULER).file("scheduler_config.json");
        parts.scheduler = family.scheduler(SchedulerFile.read(scheduler, family, overrides));
    }

    private void readTexts() {
        Architecture family = parts.architecture();
        List<String> there = IntStream.range(0, family.texts().size())
                .mapToObj(PartNames::textEncoder)
                .filter(folder::has)
                .toList();
        parts.textsFound = there.size();
        if (there.size() == family.texts().size()) {
            there.forEach(name -> parts.texts.add(
                    part(name, PartFolder.TEXT, ClipText.Config::read, TextEncoder::tableOfFolder, ClipText::new)));
        }
        if (family.isFlow() && folder.has(PartNames.T5)) {
            parts.t5 = part(
                    PartNames.T5,
                    PartFolder.TEXT,
                    T5Encoder.Config::read,
                    c -> KeyTable.read("t5-transformers"),
                    T5Encoder::new);
            Path tokenizer = folder.root().resolve(PartNames.tokenizer(2));
            parts.t5Tokenizer = Files.exists(tokenizer) ? tokenizer : null;
        }
    }

    /** One number; a list, which newer versions of diffusers allow, counts as unknown. */
    private static int sampleSize(JsonNode config) {
        return config.path("sample_size").isArray()
                ? 0
                : (int) new Settings("network", config).whole("sample_size", 0, 0, Integer.MAX_VALUE);
    }

    /** The part {@code name}, its weights in a file that begins with {@code stem}. */
    private <C> ModelPart<C> part(
            String name,
            String stem,
            Function<JsonNode, C> read,
            Function<C, KeyTable> table,
            BiConsumer<C, Parameters> network) {
        PartFolder part = folder.part(name);
        C config = part.config(read);
        return ModelPart.of(
                parts.files.weights(part.weights(stem)), names -> table.apply(config), weights -> config, network);
    }
}
