package org.deltasampling.model.mmdit;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.model.Backbone;
import org.deltasampling.model.Conditioning;
import org.deltasampling.model.Settings;
import org.deltasampling.model.Shapes;
import org.deltasampling.nn.Linear;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.WeightSource;

/**
 * The transformer of Stable Diffusion 3 and 3.5 (Esser et al. 2024, figure 2), with the structure and names of diffusers'
 * {@code SD3Transformer2DModel}: image and text are two streams with weights of their own that meet in attention. 3.5
 * norms queries and keys, and in the first blocks of 3.5 medium the image attends to itself once more.
 *
 * <p>Shapes: b batch, n patches of the image, t tokens of the text, d width. It computes in the precision of its weights
 * and answers in that of its input.
 */
public final class MMDiT implements Backbone {

    /** Of a text: CLIP's and T5's. */
    private static final long TOKENS = 77 + 256;

    /**
     * Its form.
     *
     * @param contextWidth,pooledWidth of the text embedding's tokens and of its pooled vector
     */
    public record Config(Patches patches, Blocks blocks, long contextWidth, long pooledWidth)
            implements Backbone.Config {

        @Override
        public MMDiT network(Parameters parameters) {
            return new MMDiT(this, parameters);
        }

        /** Both streams, their feed-forwards four times as wide, and in attention the same once more in float32. */
        @Override
        public long working(long height, long width) {
            return 24 * blocks.width() * (height / patches.size() * (width / patches.size()) + TOKENS);
        }

        @Override
        public long inChannels() {
            return patches.inChannels();
        }

        @Override
        public long outChannels() {
            return patches.outChannels();
        }

        @Override
        public long patch() {
            return patches.size();
        }

        /**
         * From diffusers' config.json. Values that would change the answer and are not implemented are refused.
         *
         * @throws BadWeightsException with the key and why
         */
        public static Config read(JsonNode json) {
            Settings s = new Settings("transformer", json);
            s.require("_class_name", "SD3Transformer2DModel");
            long channels = s.count("in_channels", 16);
            return new Config(
                    new Patches(
                            channels,
                            s.count("out_channels", channels),
                            s.count("patch_size", 2),
                            s.count("pos_embed_max_size", 96)),
                    Blocks.read(s),
                    s.count("joint_attention_dim", 4096),
                    s.count("pooled_projection_dim", 2048));
        }
        /** From the shapes of a file without a config, whose names are canonical; see {@link Blocks#infer}. */
        public static Config infer(WeightSource weights) {
            int count = Shapes.countAtLeastOne(weights, "transformer_blocks.{i}.attn.to_q.weight");
            long[] patches = Shapes.of(weights, "pos_embed.proj.weight", 4); // (d, channels, patch, patch)
            long size = patches[2];
            return new Config(
                    new Patches(
                            patches[1],
                            Shapes.of(weights, "proj_out.weight", 2)[0] / (size * size),
                            size,
                            Math.round(Math.sqrt((double) Shapes.of(weights, "pos_embed.pos_embed", 3)[1]))),
                    Blocks.infer(weights, count, patches[0]),
                    Shapes.of(weights, "context_embedder.weight", 2)[1],
                    Shapes.of(weights, "time_text_embed.text_embedder.linear_1.weight", 2)[1]);
        }
    }

    private final Config config;
    private final PatchEmbedding patchEmbedding;
    private final TimeTextEmbedding timeText;
    private final Linear contextEmbedder;
    private final List<JointBlock> blocks = new ArrayList<>();
    private final Linear modulationOut;
    private final Linear projectOut;

    /** Declares and takes every parameter under its canonical name; computes nothing. */
    public MMDiT(Config c, Parameters p) {
        long width = c.blocks().width();
        config = c;
        patchEmbedding = PatchEmbedding.withPositions(c.patches(), width, p.at("pos_embed"));
        timeText = TimeTextEmbedding.of(p.at("time_text_embed"), c.pooledWidth(), width);
        contextEmbedder = Linear.of(p.at("context_embedder"), c.contextWidth(), width);
        for (int i = 0; i < c.blocks().count(); i++) {
            boolean last = i == c.blocks().count() - 1;
            blocks.add(new JointBlock(c.blocks(), i, last, p.at("transformer_blocks." + i)));
        }
        modulationOut = Linear.of(p.at("norm_out.linear"), width, 2 * width);
        projectOut = Linear.of(
                p.at("proj_out"),
                width,
                c.patches().size() * c.patches().size() * c.patches().outChannels());
    }

    @Override
    public Tensor predict(Tensor x, Tensor timesteps, Conditioning c) {
        Tensor pooled = c.pooled();
        if (pooled == null) {
            throw new IllegalArgumentException("this network reads a pooled text embedding as well");
        }
        return TensorScope.scopedTensor(() -> {
            torch.ScalarType precision = contextEmbedder.weight().scalar_type();
            Tensor embedding = timeText.apply(timesteps, pooled); // (b, d)
            Tensor image = patchEmbedding.apply(x.to(precision)); // (b, n, d)
            Tensor text = contextEmbedder.apply(c.tokens().to(precision)); // (b, t, d)
            long n = image.size(1);
            Inputs inputs = new Inputs(
                    n,
                    embedding,
                    Inputs.bias(n + text.size(1), c.copies(), x),
                    c.residuals(),
                    c.imageLayers(timesteps));
            Tensor both = TensorScope.through(
                    torch.cat(new TensorVector(image, text), 1), blocks, (y, block) -> block.apply(y, inputs));
            Tensor y = projectOut.apply(
                    Modulation.scaleAndShift(modulationOut, embedding).apply(Modulation.norm(both.narrow(1, 0, n))));
            return image(y, x.size(2), x.size(3)).to(x.scalar_type());
        });
    }

    /** Patches (b, n, patch patch channels), the channel fastest, to the image (b, channels, height, width). */
    private Tensor image(Tensor y, long height, long width) {
        long p = config.patch();
        return y.reshape(y.size(0), height / p, width / p, p, p, config.outChannels())
                .permute(0, 5, 1, 3, 2, 4)
                .reshape(y.size(0), config.outChannels(), height, width);
    }
}
