package org.deltasampling.model;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.DeltaSamplingException;
import org.deltasampling.model.clip.ClipVision;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.Device;
import org.deltasampling.tensor.ImageTensor;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.Precision;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.JsonFile;
import org.deltasampling.weights.KeyTable;
import org.deltasampling.weights.ResidentWeights;
import org.deltasampling.weights.WeightSource;
import org.deltasampling.weights.WeightSources;

/**
 * An image encoder on disk, that of CLIP or SigLIP: a folder as transformers writes it, or a file under the names of transformers or
 * OpenCLIP. Its weights are in memory only while it encodes; the files stay open until {@link #close}.
 */
public final class ImageEncoder implements AutoCloseable {

    /** What is read of it. */
    public enum Output {
        /** The image embedding, (images, width). */
        EMBEDDING("an image embedding") {
            @Override
            Tensor of(ClipVision network, Tensor pixels) {
                return network.embedding(pixels);
            }

            @Override
            public long width(ClipVision.Config config) {
                return config.projection();
            }
        },
        /** The hidden states before the last layer, (images, tokens, width). */
        HIDDEN_STATES("hidden states") {
            @Override
            Tensor of(ClipVision network, Tensor pixels) {
                return network.penultimate(pixels);
            }

            @Override
            public long width(ClipVision.Config config) {
                return config.layers().width();
            }
        };

        private final String title;

        Output(String title) {
            this.title = title;
        }

        abstract Tensor of(ClipVision network, Tensor pixels);

        /** Its width by an encoder of that form; 0: such an encoder does not give it. */
        public abstract long width(ClipVision.Config config);

        @Override
        public String toString() {
            return title;
        }
    }

    private final Path path;
    private final OpenFiles files;
    private final ModelPart<ClipVision.Config> part;
    private final ImageProcessor processor;

    private ImageEncoder(Path path, OpenFiles files) {
        this.path = path;
        this.files = files;
        boolean whole = Files.isDirectory(path);
        PartFolder folder = new PartFolder(whole ? path : path.toAbsolutePath().resolveSibling(""));
        Path file = whole ? folder.weights(PartFolder.TEXT) : path;
        ClipVision.Config config = whole || hasConfig(folder) ? folder.config(ClipVision.Config::read) : null;
        part = ModelPart.of(
                files.weights(file),
                ImageEncoder::table,
                weights -> config == null ? ClipVision.Config.infer(weights) : config,
                ClipVision::new);
        part.check().orThrow(file);
        ImageProcessor published = ImageProcessor.of(part.config());
        Path ofFolder = folder.path().resolve("preprocessor_config.json");
        processor = config != null && Files.exists(ofFolder) ? published.with(ofFolder) : published;
    }

    private static boolean hasConfig(PartFolder folder) {
        Path config = folder.path().resolve("config.json");
        return Files.exists(config) && ClipVision.Config.isIn(JsonFile.read(config));
    }

    private static KeyTable table(Set<String> names) {
        if (names.contains("visual.conv1.weight")) {
            int layers =
                    WeightNames.numbers(names, "visual.transformer.resblocks.").size();
            return KeyTable.read("openclip-vision", Map.of("layers", layers), Map.of());
        }
        boolean siglip = names.stream().anyMatch(name -> name.endsWith("embeddings.patch_embedding.bias"));
        return KeyTable.read(siglip ? "siglip-vision" : "clip-vision");
    }

    /**
     * Opens an encoder and checks that it is complete; nothing is loaded. A file has the config.json of an image encoder beside it,
     * or it is one of the published encoders.
     *
     * @throws BadWeightsException saying what is missing, unused, of another shape or not implemented
     */
    public static ImageEncoder open(Path path) {
        OpenFiles files = new OpenFiles();
        try {
            return new ImageEncoder(path, files);
        } catch (DeltaSamplingException e) {
            files.close();
            throw e;
        }
    }

    /** Where it lies. */
    public Path path() {
        return path;
    }

    /** The files with its weights. */
    public List<Path> files() {
        return files.paths();
    }

    /** Its form. */
    public ClipVision.Config config() {
        return part.config();
    }

    /** What its weights take in memory while it encodes. */
    public long bytes(Precision precision) {
        return new ResidentWeights(part.weights(), precision).bytes();
    }

    /** What it reads of {@code images}, each of one image of any size: (images, 3, side, side), normalized. */
    public Tensor pixels(List<ImageTensor> images) {
        return TensorScope.scopedTensor(() -> torch.cat(
                new TensorVector(images.stream().map(processor::pixels).toArray(Tensor[]::new)), 0));
    }

    /**
     * What it makes of {@code pixels}, in float32 in the processor's memory.
     *
     * @param pixels as {@link #pixels} gives them
     * @throws BadWeightsException if its numbers are not finite
     */
    public Tensor encode(Tensor pixels, Output output, Precision precision, Device device) {
        WeightSource weights = WeightSources.on(WeightSources.in(part.weights(), precision), device);
        try (ResidentWeights resident = new ResidentWeights(weights)) {
            ClipVision network = new ClipVision(part.config(), Parameters.from(resident));
            Tensor encoded = TensorScope.scopedTensor(() -> Device.CPU.to(output.of(network, device.to(pixels))));
            if (!new Latent(encoded).isFinite()) {
                throw new BadWeightsException(
                        "the image encoder %s gives values that are not finite numbers (NaN or infinity): get its files again, or use sampling.precision float32"
                                .formatted(path));
            }
            return encoded;
        }
    }

    /** Closes the files. */
    @Override
    public void close() {
        files.close();
    }
}
