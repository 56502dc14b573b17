package org.deltasampling.model.ipadapter;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import org.deltasampling.DeltaSamplingException;
import org.deltasampling.model.Architecture;
import org.deltasampling.model.Backbone;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.model.FileKind;
import org.deltasampling.model.ImageEncoder;
import org.deltasampling.model.mmdit.MMDiT;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.Device;
import org.deltasampling.tensor.Precision;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.KeyTable;
import org.deltasampling.weights.ResidentWeights;
import org.deltasampling.weights.WeightCheck;
import org.deltasampling.weights.WeightFile;
import org.deltasampling.weights.WeightSource;

/** An IP-Adapter on disk, for a UNet or for a transformer of SD-3. The file stays open until {@link #close}. */
public final class IpAdapterFile implements AutoCloseable {

    /** Width of the transformer in the published SD-3.5 large. */
    private static final long SD35_LARGE_WIDTH = 2432;

    private final WeightFile file;
    private final WeightSource weights;
    private final IpAdapterForm form;

    private IpAdapterFile(WeightFile file) {
        this.file = file;
        KeyTable names = KeyTable.read("ip-adapter");
        weights = names.over(file);
        refuseFaceId(file.path(), weights.names());
        IpAdapterKind kind = IpAdapterKind.of(weights.names())
                .orElseThrow(() -> new BadWeightsException(
                        "%s is not an IP-Adapter: it looks like %s; give a file that holds image_proj and ip_adapter"
                                .formatted(file.path(), FileKind.title(file.names()))));
        WeightCheck check;
        try {
            form = IpAdapterForm.infer(kind, weights);
            check = WeightCheck.of(weights, names, Parameters.declaredBy(this::network));
        } catch (BadWeightsException e) {
            throw new BadWeightsException("%s cannot be used: %s".formatted(file.path(), e.getMessage()), e);
        }
        check.orThrow(file.path());
    }

    private static void refuseFaceId(Path path, Set<String> names) {
        boolean faceId = names.contains("image_proj.perceiver_resampler.proj_in.weight")
                || names.containsAll(List.of("image_proj.proj.0.weight", "image_proj.norm.weight"))
                || names.stream().anyMatch(name -> name.startsWith("ip_adapter.") && name.contains("_lora."));
        if (faceId) {
            throw new BadWeightsException(
                    "%s is an IP-Adapter FaceID, which reads the output of a face recognition network and is not supported: use a plus-face IP-Adapter"
                            .formatted(path));
        }
    }

    /**
     * Opens an IP-Adapter and checks that it is complete; nothing is loaded.
     *
     * @throws BadWeightsException if it is not an IP-Adapter of a supported kind, naming what it is, or if weights are missing, unused
     *     or of another shape
     */
    public static IpAdapterFile open(Path path) {
        WeightFile file = WeightFile.open(path);
        try {
            return new IpAdapterFile(file);
        } catch (DeltaSamplingException e) {
            file.close();
            throw e;
        }
    }

    /** Where it lies. */
    public Path path() {
        return file.path();
    }

    public IpAdapterKind kind() {
        return form.kind();
    }

    /** The family that it was made for, by the width of its tokens; empty if no published model has that width. */
    public Optional<Architecture> family() {
        if (form.kind() == IpAdapterKind.TIMED) {
            return Optional.of(form.width() == SD35_LARGE_WIDTH ? Architecture.SD35_LARGE : Architecture.SD3);
        }
        return Architecture.ofContextWidth(form.width()).filter(family -> !family.isFlow());
    }

    /** The published image encoder that it was made for, for people; empty if none has an output of that width. */
    public Optional<String> imageEncoder() {
        return PublishedEncoder.title(form.kind().reads(), form.features());
    }

    /** What it is, for people: "an IP-Adapter Plus for Stable Diffusion 1.x with 16 attention layers and tokens 768 wide". */
    public String title() {
        return "%s%s with %s and tokens %d wide"
                .formatted(
                        form.kind().title(),
                        family().map(family -> " for " + family.title()).orElse(""),
                        layers(form.layers().size()),
                        form.width());
    }

    private static String layers(int count) {
        return count == 1 ? "1 attention layer" : count + " attention layers";
    }

    /** What its weights take in memory. */
    public long bytes(Precision precision) {
        return new ResidentWeights(weights, precision).bytes();
    }

    /**
     * Does nothing if it has just the attention layers of {@code model}'s denoising network.
     *
     * @throws BadWeightsException saying what each is otherwise
     */
    public void requireFits(Checkpoint model) {
        requireFits(model.network().config(), model.path());
    }

    private void requireFits(Backbone.Config network, Path model) {
        List<AttentionLayers.Layer> attention = AttentionLayers.of(network).numbered();
        boolean transformer = network instanceof MMDiT.Config;
        long width = transformer ? attention.get(0).width() : network.contextWidth();
        boolean fits = transformer == (form.kind() == IpAdapterKind.TIMED)
                && width == form.width()
                && attention.size() == form.layers().size()
                && IntStream.range(0, attention.size())
                        .allMatch(i -> form.layers().get(i).fits(attention.get(i)));
        if (!fits) {
            throw new BadWeightsException(
                    "%s is %s, and %s is %s with %s and tokens %d wide: give an IP-Adapter made for the model, or use this one in a delta whose source is a model that it was made for"
                            .formatted(
                                    path(),
                                    title(),
                                    model,
                                    Architecture.of(network).title(),
                                    layers(attention.size()),
                                    width));
        }
    }

    /**
     * Does nothing if it reads what {@code encoder} gives.
     *
     * @throws BadWeightsException saying which encoder it needs otherwise
     */
    public void requireFits(ImageEncoder encoder) {
        long width = form.kind().reads().width(encoder.config());
        if (width != form.features()) {
            throw new BadWeightsException(
                    "%s reads %s %d wide, and the image encoder %s gives %s: name %s by image-encoder"
                            .formatted(
                                    path(),
                                    form.kind().reads(),
                                    form.features(),
                                    encoder.path(),
                                    width == 0 ? "none" : "them %d wide".formatted(width),
                                    imageEncoder().orElse("the one that the adapter was made for")));
        }
    }

    /**
     * The adapter for {@code model}, its weights in memory until it is closed; this file and {@code encoder} must stay open as long.
     *
     * @param precision that the model's network computes in
     * @param device where it computes
     * @throws BadWeightsException if it {@link #requireFits(Checkpoint) does not fit} the model or the encoder
     */
    public IpAdapter load(Checkpoint model, ImageEncoder encoder, Precision precision, Device device) {
        return load(model.network().config(), model.path(), encoder, precision, device);
    }

    /** The same for the network of the model at {@code model}. */
    IpAdapter load(Backbone.Config network, Path model, ImageEncoder encoder, Precision precision, Device device) {
        requireFits(network, model);
        requireFits(encoder);
        return new IpAdapter(
                form.kind(), weights, this::network, AttentionLayers.of(network), encoder, precision, device);
    }

    private ImagePromptNetwork network(Parameters p) {
        return form.kind() == IpAdapterKind.TIMED
                ? JointAttentionNetwork.of(form, weights, p)
                : CrossAttentionNetwork.of(form, weights, p);
    }

    /**
     * Does nothing if the file is as it was when it was opened.
     *
     * @throws org.deltasampling.file.BadFileException if it was changed, replaced or deleted since
     */
    public void requireUnchanged() {
        file.requireUnchanged();
    }

    @Override
    public void close() {
        file.close();
    }
}
