package org.deltasampling.model.ipadapter;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BinaryOperator;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.model.ImagePrompt;
import org.deltasampling.model.Shapes;
import org.deltasampling.nn.Activation;
import org.deltasampling.nn.DecoupledAttention;
import org.deltasampling.nn.DotProduct;
import org.deltasampling.nn.LayerNorm;
import org.deltasampling.nn.Linear;
import org.deltasampling.nn.Parameters;
import org.deltasampling.nn.RmsNorm;
import org.deltasampling.nn.SinusoidalEmbedding;
import org.deltasampling.nn.TimestepEmbedding;
import org.deltasampling.weights.WeightSource;

/**
 * That for a transformer of SD-3, as InstantX trains them: tokens, and the norm before keys and values, depend on the timestep. With
 * the structure of diffusers' {@code SD3IPAdapterJointAttnProcessor2_0}.
 */
final class JointAttentionNetwork implements ImagePromptNetwork {

    private static final double EPS = 1e-6;

    private final Resampler projection;
    private final TimestepEmbedding time;
    private final List<Layer> layers = new ArrayList<>();

    private JointAttentionNetwork(IpAdapterForm form, WeightSource weights, Parameters p) {
        WeightSource shapes = IpAdapterForm.projection(weights);
        Parameters ofProjection = p.at(IpAdapterForm.PROJECTION);
        long width = Shapes.of(shapes, "latents", 3)[2];
        projection = Resampler.of(shapes, ofProjection, true);
        time = TimestepEmbedding.of(
                ofProjection.at("time_embedding"),
                new SinusoidalEmbedding(true, 0),
                Shapes.of(shapes, "time_embedding.linear_1.weight", 2)[1],
                width);
        for (IpAdapterForm.Layer layer : form.layers()) {
            layers.add(Layer.of(layer, p.at(layer.name()), form.width(), width));
        }
    }

    static JointAttentionNetwork of(IpAdapterForm form, WeightSource weights, Parameters p) {
        return new JointAttentionNetwork(form, weights, p);
    }

    @Override
    public ImagePrompt prompt(Tensor features, double weight, AttentionLayers attention) {
        List<Long> heads =
                attention.numbered().stream().map(AttentionLayers.Layer::heads).toList();
        return new Prompt(this, features.unsqueeze(0), weight, heads);
    }

    /** At {@code timesteps} (b) or (1), of {@code features} (b, images, n, width). */
    private List<DecoupledAttention> layers(Tensor features, Tensor timesteps, double weight, List<Long> heads) {
        long batch = features.size(0);
        long images = features.size(1);
        Tensor embedding = time.apply(timesteps); // (b or 1, d)
        Tensor ofImages =
                embedding.unsqueeze(1).expand(batch, images, embedding.size(1)).flatten(0, 1); // (b images, d)
        Tensor tokens = projection.tokens(features.flatten(0, 1).to(embedding.scalar_type()), ofImages);
        Tensor prompt = tokens.view(batch, -1, tokens.size(2)); // (b, images tokens, width)
        List<DecoupledAttention> all = new ArrayList<>();
        for (int i = 0; i < layers.size(); i++) {
            all.add(layers.get(i).attention(prompt, embedding, heads.get(i), weight));
        }
        return all;
    }

    /** One block's norm, modulated by the time embedding, projections and norms of each head. */
    private record Layer(
            Linear modulation, Linear key, Linear value, RmsNorm queryNorm, RmsNorm ownKeyNorm, RmsNorm keyNorm) {

        private static Layer of(IpAdapterForm.Layer form, Parameters p, long tokenWidth, long timeWidth) {
            return new Layer(
                    Linear.of(p.at("norm_ip.linear"), timeWidth, 2 * tokenWidth),
                    Linear.withoutBias(p.at("to_k_ip"), tokenWidth, form.width()),
                    Linear.withoutBias(p.at("to_v_ip"), tokenWidth, form.width()),
                    RmsNorm.of(p.at("norm_q"), form.headWidth(), EPS),
                    RmsNorm.of(p.at("norm_k"), form.headWidth(), EPS),
                    RmsNorm.of(p.at("norm_ip_k"), form.headWidth(), EPS));
        }

        DecoupledAttention attention(Tensor tokens, Tensor time, long heads, double weight) {
            Tensor chunks = modulation.apply(Activation.SILU.apply(time)).unsqueeze(1); // (b or 1, 1, 2 width)
            long width = tokens.size(2);
            Tensor normed = LayerNorm.plain(tokens, EPS)
                    .mul(chunks.narrow(2, width, width).add(new Scalar(1)))
                    .add(chunks.narrow(2, 0, width));
            return new DecoupledAttention(
                    keyNorm.apply(DotProduct.heads(key.apply(normed), heads)),
                    DotProduct.heads(value.apply(normed), heads),
                    weight,
                    queryNorm,
                    ownKeyNorm);
        }
    }

    /** @param features (b, images, n, width) */
    private record Prompt(JointAttentionNetwork network, Tensor features, double weight, List<Long> heads)
            implements ImagePrompt {

        @Override
        public List<DecoupledAttention> layers(Tensor timesteps) {
            return network.layers(features, timesteps, weight, heads);
        }

        @Override
        public ImagePrompt map(UnaryOperator<Tensor> change) {
            return new Prompt(network, change.apply(features), weight, heads);
        }

        @Override
        public ImagePrompt combine(ImagePrompt other, BinaryOperator<Tensor> both) {
            return new Prompt(network, both.apply(features, ((Prompt) other).features), weight, heads);
        }

        @Override
        public boolean alike(ImagePrompt other) {
            return other instanceof Prompt prompt
                    && network == prompt.network
                    && weight == prompt.weight
                    && Arrays.equals(shapeOfOne(features), shapeOfOne(prompt.features));
        }

        private static long[] shapeOfOne(Tensor features) {
            return features.narrow(0, 0, 1).sizes().vec().get();
        }
    }
}
