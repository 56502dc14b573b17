package org.deltasampling.model.mmdit;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.model.Conditioning;
import org.deltasampling.model.Control;
import org.deltasampling.model.ControlNetwork;
import org.deltasampling.model.LatentSpace;
import org.deltasampling.model.Residuals;
import org.deltasampling.model.Settings;
import org.deltasampling.model.Shapes;
import org.deltasampling.nn.Linear;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.WeightSource;

/**
 * A ControlNet of an {@link MMDiT}: some of its joint blocks, which read the latent of an image as well, and whose hidden
 * states, through layers that were zero before training, are added after the transformer's blocks. Structure and names of
 * diffusers' {@code SD3ControlNetModel} with positions and text of its own (InstantX).
 */
public final class JointControlNet implements ControlNetwork {

    /**
     * Its form.
     *
     * @param zeroPooled whether it reads zeros in place of the pooled text, and latents without their shift
     */
    public record Config(Patches patches, Blocks blocks, long contextWidth, long pooledWidth, boolean zeroPooled) {

        /**
         * From diffusers' config.json. Values that would change the answer and are not implemented are refused.
         *
         * @throws BadWeightsException with the key and why
         */
        public static Config read(JsonNode json) {
            Settings s = new Settings("ControlNet", json);
            s.require("_class_name", "SD3ControlNetModel");
            s.require("use_pos_embed", "true");
            s.require("pos_embed_type", "sincos");
            s.require("extra_conditioning_channels", "0");
            long channels = s.count("in_channels", 16);
            return new Config(
                    new Patches(channels, channels, s.count("patch_size", 2), s.count("pos_embed_max_size", 96)),
                    Blocks.read(s),
                    s.count("joint_attention_dim", 4096),
                    s.count("pooled_projection_dim", 2048),
                    s.flag("force_zeros_for_pooled_projection", true));
        }

        /** From the shapes of a file without a config, as {@link MMDiT.Config#infer}; zeros for the pooled text. */
        public static Config infer(WeightSource weights) {
            int count = Shapes.countAtLeastOne(weights, "controlnet_blocks.{i}.weight");
            long[] patches = Shapes.of(weights, "pos_embed.proj.weight", 4); // (d, channels, patch, patch)
            return new Config(
                    new Patches(patches[1], patches[1], patches[2], Math.round(Math.sqrt((double)
                            Shapes.of(weights, "pos_embed.pos_embed", 3)[1]))),
                    Blocks.infer(weights, count, patches[0]),
                    Shapes.of(weights, "context_embedder.weight", 2)[1],
                    Shapes.of(weights, "time_text_embed.text_embedder.linear_1.weight", 2)[1],
                    true);
        }
    }

    private final Config config;
    private final PatchEmbedding patchEmbedding;
    private final PatchEmbedding hintEmbedding;
    private final TimeTextEmbedding timeText;
    private final Linear contextEmbedder;
    private final List<JointBlock> blocks = new ArrayList<>();
    private final List<Linear> outs = new ArrayList<>();

    /** Declares and takes every parameter under its canonical name; computes nothing. */
    public JointControlNet(Config c, Parameters p) {
        long width = c.blocks.width();
        config = c;
        patchEmbedding = PatchEmbedding.withPositions(c.patches, width, p.at("pos_embed"));
        hintEmbedding = PatchEmbedding.withoutPositions(c.patches, width, p.at("pos_embed_input"));
        timeText = TimeTextEmbedding.of(p.at("time_text_embed"), c.pooledWidth, width);
        contextEmbedder = Linear.of(p.at("context_embedder"), c.contextWidth, width);
        for (int i = 0; i < c.blocks.count(); i++) {
            blocks.add(new JointBlock(c.blocks, i, false, p.at("transformer_blocks." + i)));
            outs.add(Linear.of(p.at("controlnet_blocks." + i), width, width));
        }
    }

    @Override
    public Control control(Tensor image, LatentSpace space, UnaryOperator<Tensor> encode) {
        torch.ScalarType precision = contextEmbedder.weight().scalar_type();
        Tensor hint = TensorScope.scopedTensor(() -> {
            Tensor latent = encode.apply(image.mul(new Scalar(2)).sub(new Scalar(1)));
            double shift = config.zeroPooled ? 0 : space.shift();
            Tensor scaled = latent.sub(new Scalar(shift)).mul(new Scalar(space.scale()));
            return hintEmbedding.apply(scaled.to(precision)).contiguous(); // (1, n, d)
        });
        return (x, timesteps, c, scale) ->
                TensorScope.scoped(() -> residuals(x.to(precision), timesteps, c, hint, scale));
    }

    private Residuals residuals(Tensor x, Tensor timesteps, Conditioning c, Tensor hint, double scale) {
        Tensor pooled = Objects.requireNonNull(c.pooled(), "this network reads a pooled text embedding as well");
        Tensor embedding = timeText.apply(timesteps, config.zeroPooled ? torch.zeros_like(pooled) : pooled);
        Tensor image = patchEmbedding.apply(x).add(hint); // (b, n, d)
        Tensor text = contextEmbedder.apply(c.tokens().to(x.scalar_type())); // (b, t, d)
        long n = image.size(1);
        Inputs inputs = new Inputs(n, embedding, Inputs.bias(n + text.size(1), c.copies(), x), null, List.of());
        Tensor both = torch.cat(new TensorVector(image, text), 1);
        List<Tensor> all = new ArrayList<>();
        for (int i = 0; i < blocks.size(); i++) {
            JointBlock block = blocks.get(i);
            Tensor before = both;
            both = TensorScope.scopedTensor(() -> block.apply(before, inputs));
            all.add(outs.get(i).apply(both.narrow(1, 0, n)).mul(new Scalar(scale)));
        }
        return Residuals.ofBlocks(all);
    }
}
