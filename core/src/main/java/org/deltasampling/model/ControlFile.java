package org.deltasampling.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SortedSet;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.deltasampling.DeltaSamplingException;
import org.deltasampling.model.mmdit.JointControlNet;
import org.deltasampling.model.mmdit.MMDiT;
import org.deltasampling.model.unet.ControlNet;
import org.deltasampling.model.unet.EncoderConfig;
import org.deltasampling.model.unet.T2iAdapter;
import org.deltasampling.model.unet.UNet;
import org.deltasampling.nn.Parameters;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.KeyTable;
import org.deltasampling.weights.WeightSource;
import org.deltasampling.weights.WeightSources;
import org.jspecify.annotations.Nullable;

/** A ControlNet or a T2I-Adapter on disk, of any layout. Its files stay open until {@link #close}. */
public final class ControlFile implements AutoCloseable {

    /** What a network beside a backbone needs of a model. */
    private interface Fit {
        /** What is different, or null. */
        @Nullable
        String problem(Backbone.Config network);
    }

    /** A file that was recognised. */
    private record Read(String title, ModelPart<?> part, Function<Parameters, ControlNetwork> network, Fit fit) {}

    /**
     * A layout of files; a new one is a row in {@link #LAYOUTS}.
     *
     * @param shown whether the names are of such a file
     */
    private record Layout<C>(
            String title,
            Predicate<Set<String>> shown,
            Function<Set<String>, KeyTable> table,
            Function<JsonNode, C> read,
            Function<WeightSource, C> infer,
            BiFunction<C, Parameters, ControlNetwork> network,
            BiFunction<C, Backbone.Config, @Nullable String> problem) {

        private Read of(WeightSource file, @Nullable PartFolder folder) {
            C config = folder == null ? null : folder.config(read);
            ModelPart<C> part = ModelPart.of(
                    file, table, weights -> config == null ? infer.apply(weights) : config, (c, parameters) -> {
                        ControlNetwork declared = network.apply(c, parameters);
                        Objects.requireNonNull(declared);
                    });
            return new Read(
                    title,
                    part,
                    parameters -> network.apply(part.config(), parameters),
                    model -> problem.apply(part.config(), model));
        }
    }

    private static final String CONTROL_MODEL = "control_model.";

    private static final List<Layout<?>> LAYOUTS = List.of(
            new Layout<>(
                    "a ControlNet",
                    names -> names.contains("controlnet_cond_embedding.conv_in.weight"),
                    names -> KeyTable.read("unet-diffusers"),
                    ControlNet.Config::read,
                    ControlNet.Config::infer,
                    ControlNet::new,
                    (c, model) -> problem(c.encoder(), model)),
            new Layout<>(
                    "a ControlNet in the original layout",
                    names -> names.contains(CONTROL_MODEL + "input_hint_block.0.weight"),
                    ControlFile::controlNetTable,
                    ControlNet.Config::read,
                    ControlNet.Config::infer,
                    ControlNet::new,
                    (c, model) -> problem(c.encoder(), model)),
            new Layout<>(
                    "a ControlNet of a transformer",
                    names -> names.contains("controlnet_blocks.0.weight") && names.contains("pos_embed.proj.weight"),
                    names -> KeyTable.read("mmdit-diffusers"),
                    JointControlNet.Config::read,
                    JointControlNet.Config::infer,
                    JointControlNet::new,
                    ControlFile::problem),
            new Layout<>(
                    "a T2I-Adapter",
                    names -> names.stream().anyMatch(name -> name.startsWith("adapter.body.0.")),
                    names -> KeyTable.read("unet-diffusers"),
                    T2iAdapter.Config::read,
                    T2iAdapter.Config::infer,
                    T2iAdapter::new,
                    ControlFile::problem),
            new Layout<>(
                    "a T2I-Adapter in the original layout",
                    names -> names.contains("body.0.block1.weight") || names.contains("body.0.body.0.block1.weight"),
                    ControlFile::adapterTable,
                    T2iAdapter.Config::read,
                    T2iAdapter.Config::infer,
                    T2iAdapter::new,
                    ControlFile::problem));

    private final Path path;
    private final OpenFiles files;
    private final Read read;

    private ControlFile(Path path, OpenFiles files) {
        this.path = path;
        this.files = files;
        boolean folder = Files.isDirectory(path);
        PartFolder part = new PartFolder(path);
        WeightSource weights = files.weights(folder ? part.weights(PartFolder.DIFFUSION) : path);
        WeightSource named = prefixed(weights);
        Layout<?> layout = LAYOUTS.stream()
                .filter(one -> one.shown.test(named.names()))
                .findFirst()
                .orElseThrow(() -> new BadWeightsException("%s is %s: give a ControlNet or a T2I-Adapter"
                        .formatted(path, FileKind.title(weights.names()))));
        boolean configured = folder && Files.exists(path.resolve("config.json"));
        if (configured) {
            files.alsoRead(path.resolve("config.json"));
        }
        read = layout.of(named, configured ? part : null);
        if (!read.part.check().passed()) {
            throw new BadWeightsException("%s, %s, cannot be used: %s"
                    .formatted(path, read.title, read.part.check().faults()));
        }
    }

    /**
     * Opens one.
     *
     * @param path a diffusers folder of the network alone, or one file
     * @throws BadWeightsException if it is none of a layout that is known, or incomplete
     */
    public static ControlFile open(Path path) {
        OpenFiles files = new OpenFiles();
        try {
            return new ControlFile(path, files);
        } catch (DeltaSamplingException e) {
            files.close();
            throw e;
        }
    }

    /** What it is, with its article. */
    public String title() {
        return read.title;
    }

    /** All that it was read from. */
    public List<Path> files() {
        return files.paths();
    }

    /** Its weights, under canonical names. */
    public WeightSource weights() {
        return read.part.weights();
    }

    /** The network over {@link #weights}, or over these elsewhere or in another precision. */
    public ControlNetwork network(Parameters weights) {
        return read.network.apply(weights);
    }

    /**
     * Does nothing if it is for models like {@code model}.
     *
     * @throws BadWeightsException if it is for others
     */
    public void requireFits(Checkpoint model) {
        String problem = read.fit.problem(model.network().config());
        if (problem != null) {
            throw new BadWeightsException(
                    "%s is %s for other models than %s, a %s: %s; name a model that it was made for as a delta's source, to carry it over"
                            .formatted(
                                    path,
                                    read.title,
                                    model.path(),
                                    model.architecture().title(),
                                    problem));
        }
    }

    private static @Nullable String problem(EncoderConfig control, Backbone.Config network) {
        if (!(network instanceof UNet.Config unet)) {
            return "it is for models with a UNet";
        }
        if (control.contextWidth() != unet.contextWidth()) {
            return "the text that it reads is %d wide%s, not %d"
                    .formatted(
                            control.contextWidth(),
                            Architecture.ofContextWidth(control.contextWidth())
                                    .map(family -> ", as in " + family.title())
                                    .orElse(""),
                            unet.contextWidth());
        }
        return control.skips().equals(unet.encoder().skips()) ? null : "its levels have other numbers of channels";
    }

    private static @Nullable String problem(JointControlNet.Config control, Backbone.Config network) {
        if (!(network instanceof MMDiT.Config transformer)) {
            return "it is for models with a transformer";
        }
        boolean fits = control.blocks().width() == transformer.blocks().width()
                && control.contextWidth() == transformer.contextWidth()
                && control.pooledWidth() == transformer.pooledWidth()
                && control.patches().size() == transformer.patches().size()
                && control.patches().inChannels() == transformer.inChannels();
        return fits
                ? null
                : "its hidden states are %d wide, the model's %d"
                        .formatted(
                                control.blocks().width(), transformer.blocks().width());
    }

    private static @Nullable String problem(T2iAdapter.Config control, Backbone.Config network) {
        if (!(network instanceof UNet.Config unet)) {
            return "it is for models with a UNet";
        }
        List<Long> levels = unet.encoder().levels().stream()
                .map(EncoderConfig.Level::channels)
                .toList();
        boolean fits = control.channels().size() >= levels.size()
                && control.channels().subList(0, levels.size()).equals(levels);
        return fits ? null : "its levels have %s channels, the model's %s".formatted(control.channels(), levels);
    }

    /** The original layout of a ControlNet alone leaves out what all names have in common. */
    private static WeightSource prefixed(WeightSource file) {
        return file.names().contains("input_hint_block.0.weight")
                ? WeightSources.renamed(
                        file, file.names().stream().collect(Collectors.toMap(CONTROL_MODEL::concat, name -> name)))
                : file;
    }

    private static KeyTable controlNetTable(Set<String> names) {
        SortedSet<Integer> inputs = WeightNames.numbers(names, CONTROL_MODEL + "input_blocks.");
        List<Integer> ends = inputs.stream()
                .filter(k -> names.contains(CONTROL_MODEL + "input_blocks." + k + ".0.op.weight"))
                .toList();
        int layers = ends.isEmpty() ? inputs.size() - 1 : ends.get(0) - 1;
        int hints =
                WeightNames.numbers(names, CONTROL_MODEL + "input_hint_block.").size() - 2;
        return KeyTable.read(
                "controlnet-original", Map.of("levels", ends.size() + 1, "layers", layers, "hints", hints), Map.of());
    }

    private static KeyTable adapterTable(Set<String> names) {
        int blocks = WeightNames.numbers(names, "body.").size();
        if (names.contains("body.0.out_conv.weight")) {
            return KeyTable.read("t2i-adapter-light-original", Map.of("levels", blocks), Map.of());
        }
        int resnets = 2; // of every published one
        return KeyTable.read("t2i-adapter-original", Map.of("levels", blocks / resnets, "resnets", resnets), Map.of());
    }

    @Override
    public void close() {
        files.close();
    }
}
