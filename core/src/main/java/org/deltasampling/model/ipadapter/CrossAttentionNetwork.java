package org.deltasampling.model.ipadapter;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.model.ImageTokens;
import org.deltasampling.nn.DecoupledAttention;
import org.deltasampling.nn.Linear;
import org.deltasampling.nn.Parameters;
import org.deltasampling.weights.WeightSource;

/** That for a UNet: keys and values of its cross-attentions from an image's tokens. */
record CrossAttentionNetwork(ImageProjection projection, List<Layer> layers) implements ImagePromptNetwork {

    /** Projections of one layer. */
    private record Layer(Linear key, Linear value) {

        DecoupledAttention attention(Tensor tokens, long heads, double weight) {
            return DecoupledAttention.of(tokens, key, value, heads, weight);
        }
    }

    static CrossAttentionNetwork of(IpAdapterForm form, WeightSource weights, Parameters p) {
        List<Layer> layers = new ArrayList<>();
        for (IpAdapterForm.Layer layer : form.layers()) {
            layers.add(new Layer(
                    Linear.withoutBias(p.at(layer.name() + ".to_k_ip"), form.width(), layer.width()),
                    Linear.withoutBias(p.at(layer.name() + ".to_v_ip"), form.width(), layer.width())));
        }
        WeightSource shapes = IpAdapterForm.projection(weights);
        Parameters ofProjection = p.at(IpAdapterForm.PROJECTION);
        ImageProjection projection = switch (form.kind()) {
            case PLAIN -> ImageProjection.Plain.of(shapes, ofProjection);
            case FULL_FACE -> ImageProjection.FullFace.of(shapes, ofProjection);
            case PLUS -> Resampler.of(shapes, ofProjection, false);
            case TIMED -> throw new IllegalArgumentException(form.kind().title() + " is not for a UNet");
        };
        return new CrossAttentionNetwork(projection, layers);
    }

    @Override
    public ImageTokens prompt(Tensor features, double weight, AttentionLayers attention) {
        Tensor tokens = projection
                .tokens(features.to(layers.get(0).key.weight().scalar_type()))
                .flatten(0, 1)
                .unsqueeze(0); // (1, images tokens, width)
        List<AttentionLayers.Layer> numbered = attention.numbered();
        List<DecoupledAttention> all = new ArrayList<>();
        for (int i = 0; i < layers.size(); i++) {
            all.add(layers.get(i).attention(tokens, numbered.get(i).heads(), weight));
        }
        return new ImageTokens(attention.inRunningOrder(all));
    }
}
