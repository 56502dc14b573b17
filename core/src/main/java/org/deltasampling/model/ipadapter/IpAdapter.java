package org.deltasampling.model.ipadapter;

import java.util.List;
import java.util.function.Function;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.model.ImageEncoder;
import org.deltasampling.model.ImagePrompt;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.Device;
import org.deltasampling.tensor.ImageTensor;
import org.deltasampling.tensor.Precision;
import org.deltasampling.weights.ResidentWeights;
import org.deltasampling.weights.WeightSource;
import org.deltasampling.weights.WeightSources;

/** An IP-Adapter in memory, for one network. Its prompts are valid until it is closed. */
public final class IpAdapter implements AutoCloseable {

    /**
     * What guidance reads of the same images.
     *
     * @param conditional beside the prompt
     * @param unconditional beside the negative prompt: without what the images show
     */
    public record Prompts(ImagePrompt conditional, ImagePrompt unconditional) {}

    private final IpAdapterKind kind;
    private final ResidentWeights weights;
    private final ImagePromptNetwork network;
    private final AttentionLayers attention;
    private final ImageEncoder encoder;
    private final Precision precision;
    private final Device device;

    IpAdapter(
            IpAdapterKind kind,
            WeightSource source,
            Function<Parameters, ImagePromptNetwork> network,
            AttentionLayers attention,
            ImageEncoder encoder,
            Precision precision,
            Device device) {
        this.kind = kind;
        this.attention = attention;
        this.encoder = encoder;
        this.precision = precision;
        this.device = device;
        weights = new ResidentWeights(WeightSources.on(WeightSources.in(source, precision), device));
        this.network = network.apply(Parameters.from(weights));
    }

    /**
     * The prompts of {@code images}, each of one image of any size, owned by the caller's region. Their tokens follow one another in
     * one attention, as in diffusers; images with weights of their own are prompts of their own, of which a conditioning takes any
     * number.
     *
     * @param weight that their attention is multiplied by
     */
    public Prompts prompts(List<ImageTensor> images, double weight) {
        int count = images.size();
        Tensor pixels = encoder.pixels(images);
        if (!kind.zeroImage()) {
            Tensor features = encode(pixels);
            return new Prompts(prompt(features, weight), prompt(torch.zeros_like(features), weight));
        }
        Tensor features = encode(torch.cat(new TensorVector(pixels, torch.zeros_like(pixels.narrow(0, 0, 1))), 0));
        Tensor ofZeros = features.narrow(0, count, 1).expand(count, features.size(1), features.size(2));
        return new Prompts(prompt(features.narrow(0, 0, count), weight), prompt(ofZeros, weight));
    }

    private Tensor encode(Tensor pixels) {
        return encoder.encode(pixels, kind.reads(), precision, device);
    }

    private ImagePrompt prompt(Tensor features, double weight) {
        return network.prompt(device.to(features), weight, attention).map(Device.CPU::to);
    }

    @Override
    public void close() {
        weights.close();
    }
}
