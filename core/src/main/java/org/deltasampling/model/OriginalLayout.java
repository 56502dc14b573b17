package org.deltasampling.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.deltasampling.model.mmdit.MMDiT;
import org.deltasampling.model.unet.UNet;
import org.deltasampling.model.vae.AutoencoderKl;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.KeyTable;
import org.deltasampling.weights.WeightSource;
import org.deltasampling.weights.WeightSources;

/**
 * The layout of CompVis' and Stability's single files: the tables of its names, their sizes taken from the names in a file
 * (a small model loads like a large one) or from a config (to write such a file).
 */
public final class OriginalLayout {

    private static final String UNET = "model.diffusion_model.";
    private static final String VAE = "first_stage_model.";

    /** The beginnings that programs give to the names of a denoising network: some shorten or drop {@link #UNET}. */
    private static final List<String> PREFIXES = List.of(UNET, "diffusion_model.", "");

    /** Of which the names of denoising networks are, UNets' and transformers'. */
    private static final Set<String> NETWORK = Set.of(
            "input_blocks",
            "middle_block",
            "output_blocks",
            "time_embed",
            "label_emb",
            "out",
            "joint_blocks",
            "x_embedder",
            "t_embedder",
            "y_embedder",
            "context_embedder",
            "final_layer");

    private static final String T5 = "text_encoders.t5xxl.transformer.";

    private OriginalLayout() {}

    /**
     * What the names of the denoising network begin with in a file of these names: the part's own name, a shortened one, or
     * nothing. Empty: there is no such network.
     */
    static Optional<String> networkPrefix(Set<String> names) {
        return PREFIXES.stream()
                .filter(prefix -> WeightNames.anyBegins(names, prefix + "joint_blocks.", prefix + "output_blocks."))
                .findFirst();
    }

    /** {@code file} with the names of its denoising network as they begin in a checkpoint. */
    static WeightSource prefixed(WeightSource file) {
        String prefix = networkPrefix(file.names()).orElse(UNET);
        if (prefix.equals(UNET)) {
            return file;
        }
        return WeightSources.renamed(
                file,
                file.names().stream()
                        .collect(Collectors.toMap(
                                name -> isOfNetwork(name, prefix) ? UNET + name.substring(prefix.length()) : name,
                                Function.identity())));
    }

    private static boolean isOfNetwork(String name, String prefix) {
        return prefix.isEmpty()
                ? NETWORK.contains(name.substring(0, Math.max(0, name.indexOf('.')))) || name.equals("pos_embed")
                : name.startsWith(prefix);
    }

    /** Whether a name is in one of the parts. */
    static boolean isPart(String name) {
        return Stream.of(UNET, VAE, T5).anyMatch(name::startsWith)
                || Arrays.stream(TextEncoder.values()).anyMatch(text -> text.has(name));
    }

    /** Whether the denoising network is SD-3's transformer. */
    static boolean isMmdit(Set<String> names) {
        return names.stream().anyMatch(n -> n.startsWith(UNET + "joint_blocks."));
    }

    static boolean hasT5(Set<String> names) {
        return names.stream().anyMatch(n -> n.startsWith(T5));
    }

    /** The names of SD-3's third text encoder. */
    public static KeyTable t5() {
        return KeyTable.read("t5-sd3");
    }

    static boolean hasVae(Set<String> names) {
        return names.stream().anyMatch(n -> n.startsWith(VAE));
    }

    /** An autoencoder alone, whose file leaves out what all names of it have in common, as the part of a checkpoint. */
    static WeightSource asVae(WeightSource alone) {
        return WeightSources.renamed(
                alone, alone.names().stream().collect(Collectors.toMap(VAE::concat, name -> name)));
    }

    /** The UNet's names in a file of these names: a level ends with a downsampler, {@code op}, except the last. */
    static KeyTable unet(Set<String> names) {
        SortedSet<Integer> inputs = WeightNames.numbers(names, UNET + "input_blocks.");
        List<Integer> ends = inputs.stream()
                .filter(k -> names.contains(UNET + "input_blocks." + k + ".0.op.weight"))
                .toList();
        int levels = ends.size() + 1;
        int layers = ends.isEmpty() ? inputs.size() - 1 : ends.get(0) - 1;
        requireBlocks(names, levels, layers);
        List<Integer> attending = IntStream.range(0, levels)
                .filter(i -> names.contains(UNET + "output_blocks." + (layers + 1) * i + ".1.norm.weight"))
                .boxed()
                .toList();
        return unet(levels, layers, attending);
    }

    /** The UNet's names for a model of that config. */
    public static KeyTable unet(UNet.Config c) {
        int levels = c.attentionUp().size();
        List<Integer> attending = IntStream.range(0, levels)
                .filter(i -> c.attentionUp().get(levels - 1 - i))
                .boxed()
                .toList();
        return unet(levels, (int) c.encoder().resnets(), attending);
    }

    private static KeyTable unet(int levels, int layers, List<Integer> attending) {
        List<Integer> plain = new ArrayList<>(IntStream.range(0, levels).boxed().toList());
        plain.removeAll(attending);
        return KeyTable.read(
                "unet-original",
                Map.of("levels", levels, "layers", layers),
                Map.of("attending", attending, "plain", plain));
    }

    /** The names of an SD-3 transformer in a file of these names. */
    static KeyTable mmdit(Set<String> names) {
        SortedSet<Integer> blocks = WeightNames.numbers(names, UNET + "joint_blocks.");
        List<Integer> dual = blocks.stream()
                .filter(i -> names.contains(UNET + "joint_blocks." + i + ".x_block.attn2.qkv.weight"))
                .toList();
        return mmdit(blocks.size(), dual);
    }

    /** The names of an SD-3 transformer of that config. */
    public static KeyTable mmdit(MMDiT.Config c) {
        return mmdit(
                (int) c.blocks().count(),
                c.blocks().dual().stream().map(Long::intValue).toList());
    }

    private static KeyTable mmdit(int layers, List<Integer> dual) {
        return KeyTable.read("mmdit-original", Map.of("layers", layers), Map.of("dual", dual));
    }

    static KeyTable vae(Set<String> names) {
        SortedSet<Integer> ups = WeightNames.numbers(names, VAE + "decoder.up.");
        int levels = WeightNames.numbers(names, VAE + "encoder.down.").size();
        int layers = WeightNames.numbers(names, VAE + "encoder.down.0.block.").size();
        requireBlocks(names, levels, layers);
        return vae(levels, layers, ups.isEmpty() ? levels - 1 : ups.last());
    }

    /** A table has a row for each block, be it there or not. */
    private static void requireBlocks(Set<String> names, int levels, int layers) {
        if (levels < 1 || layers < 1 || (long) levels * layers > names.size()) {
            throw new BadWeightsException("its blocks are not numbered like those of a Stable Diffusion model");
        }
    }

    /** The autoencoder's names for a model of that config. */
    public static KeyTable vae(AutoencoderKl.Config c) {
        return vae(c.channels().size(), (int) c.resnets(), c.channels().size() - 1);
    }

    private static KeyTable vae(int levels, int layers, int top) {
        return KeyTable.read("vae-original", Map.of("levels", levels, "layers", layers, "top", top), Map.of());
    }

    /** The names of text encoder {@code index} of a model of that family with so many layers in use. */
    public static KeyTable text(Architecture family, int index, long layers) {
        return family.texts().get(index).table(layers);
    }
}
