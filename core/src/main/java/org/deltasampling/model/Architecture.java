package org.deltasampling.model;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.diffusion.FlowSchedule;
import org.deltasampling.diffusion.Parameterization;
import org.deltasampling.diffusion.SchedulerConfig;
import org.deltasampling.diffusion.SchedulerConfig.Placement;
import org.deltasampling.diffusion.Spacing;
import org.deltasampling.diffusion.TrainedSchedule;
import org.deltasampling.model.clip.ClipText;
import org.deltasampling.model.mmdit.MMDiT;
import org.deltasampling.model.unet.UNet;
import org.deltasampling.tensor.PixelSize;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.WeightSource;
import org.jspecify.annotations.Nullable;

/** The families of models that can be loaded, and the only place that lists facts about them. */
@SuppressWarnings("ImmutableEnumChecker") // its lists are made by List.of
public enum Architecture {
    /** CompVis' and Runway's models of 2022: CLIP ViT-L, transformers that project by 1x1 convolutions, epsilon. */
    SD1("Stable Diffusion 1.x", 768, 0.18215, List.of(TextEncoder.CLIP_L)),

    /** Stability's models of 2022: OpenCLIP ViT-H up to its layer before the last, linear projections, epsilon or v. */
    SD2("Stable Diffusion 2.x", 1024, 0.18215, List.of(TextEncoder.OPEN_CLIP_H)) {
        @Override
        long side(Parameterization predicts) {
            return predicts == Parameterization.V_PREDICTION ? 96 : 64;
        }

        @Override
        boolean looksLikeVelocity(WeightSource unet, UNet.Config config) {
            return deviation(unet, config) > VELOCITY_DEVIATION;
        }
    },

    /**
     * Stability's models of 2023 (Podell et al.): the layers before the last of CLIP ViT-L and of OpenCLIP ViT-bigG side by
     * side, bigG's pooled projection and the image's sizes beside the timestep, linear projections, epsilon or v.
     */
    SDXL("Stable Diffusion XL", 2048, 0.13025, List.of(TextEncoder.CLIP_L_OF_XL, TextEncoder.OPEN_CLIP_G_OF_XL)) {
        @Override
        long side(Parameterization predicts) {
            return 128;
        }

        @Override
        boolean zeroForEmptyNegative() {
            return true;
        }

        @Override
        public Conditioning conditioning(List<ClipText.Output> texts, PixelSize image) {
            Tensor tokens = torch.cat(
                    new TensorVector(
                            texts.stream().map(ClipText.Output::penultimate).toArray(Tensor[]::new)),
                    2);
            Tensor pooled = texts.get(texts.size() - 1).pooled();
            float height = image.height();
            float width = image.width();
            Tensor sizes = Tensor.create(new float[] {height, width, 0, 0, height, width}, 1, 6);
            return new Conditioning(tokens, pooled, sizes.expand(pooled.size(0), 6));
        }

        @Override
        SchedulerConfig scheduler(SchedulerConfig ofFolder) {
            return ofFolder;
        }

        @Override
        @Nullable
        Spacing spacing(boolean zeroTerminalSnr) {
            return zeroTerminalSnr ? Spacing.TRAILING : Spacing.LEADING;
        }
    },

    /** Stability's model of 2024 (Esser et al.): a transformer that reads both CLIPs and T5, rectified flow. */
    SD3("Stable Diffusion 3"),

    /** The same with normed queries and keys, and an attention of the image to itself in the first blocks. */
    SD35_MEDIUM("Stable Diffusion 3.5 medium"),

    /** The same with normed queries and keys. */
    SD35_LARGE("Stable Diffusion 3.5 large");

    /** Tokens that SD-3 reads of T5, as diffusers has it by default. */
    public static final int T5_TOKENS = 256;

    /** Where SD-2 files have a larger deviation of the last transformer's first norm bias, they are v-prediction (ComfyUI). */
    private static final double VELOCITY_DEVIATION = 0.09;

    private final String title;
    private final long contextWidth;
    private final double scale;
    private final double shift;
    private final boolean flows;
    private final List<TextEncoder> texts;

    Architecture(String title, long contextWidth, double scale, List<TextEncoder> texts) {
        this.title = title;
        this.contextWidth = contextWidth;
        this.scale = scale;
        this.shift = 0;
        this.flows = false;
        this.texts = texts;
    }

    /** One of the transformers of 2024, which differ in their form alone. */
    Architecture(String title) {
        this.title = title;
        this.contextWidth = 4096;
        this.scale = 1.5305;
        this.shift = 0.0609;
        this.flows = true;
        this.texts = List.of(TextEncoder.CLIP_L_OF_SD3, TextEncoder.OPEN_CLIP_G_OF_SD3);
    }

    /** The family's name for people. */
    public String title() {
        return title;
    }

    /** The family of a network, by its form. */
    public static Architecture of(Backbone.Config network) {
        if (network instanceof MMDiT.Config transformer) {
            return !transformer.blocks().normedQueries()
                    ? SD3
                    : transformer.blocks().dual().isEmpty() ? SD35_LARGE : SD35_MEDIUM;
        }
        if (network instanceof UNet.Config unet) {
            return of(unet);
        }
        throw new IllegalArgumentException("no family has a " + network.getClass());
    }

    private static Architecture of(UNet.Config unet) {
        return unet.pooledWidth() > 0 ? SDXL : unet.encoder().linearProjection() ? SD2 : SD1;
    }

    /** The family whose published models read text embeddings of that width. */
    public static Optional<Architecture> ofContextWidth(long width) {
        return Arrays.stream(values()).filter(a -> a.contextWidth == width).findFirst();
    }

    /** Its text encoders, in the order of diffusers' folders. */
    List<TextEncoder> texts() {
        return texts;
    }

    /** The token that pads a short prompt for text encoder {@code index}, where a model brings no tokenizer. */
    public String pad(int index) {
        return texts.get(index).pad();
    }

    /** Width and height of the latents that its published models with such an output were trained on. */
    long side(Parameterization predicts) {
        return flows ? 128 : 64;
    }

    /** Whether it is a rectified flow over a transformer, with T5 as a third text encoder that it can do without. */
    public boolean isFlow() {
        return flows;
    }

    /** Whether its guidance without a negative prompt is away from zeros rather than from an empty text, as in diffusers. */
    boolean zeroForEmptyNegative() {
        return false;
    }

    /**
     * What a UNet reads of a text.
     *
     * @param texts the outputs of the text encoders for it
     */
    public Conditioning conditioning(List<ClipText.Output> texts, PixelSize image) {
        return new Conditioning(texts.get(0).last());
    }

    /**
     * What a transformer of 2024 reads of a text: the layers before the last of both CLIPs side by side, padded with zeros to
     * T5's width, then T5's tokens; and both pooled outputs.
     *
     * @param t5 (1, {@link #T5_TOKENS}, width)
     */
    public static Conditioning conditioning(List<ClipText.Output> texts, Tensor t5) {
        return conditioning(texts, t5, 1);
    }

    /**
     * The same where there is no T5: diffusers has {@link #T5_TOKENS} zeros in its place. They have no positions, so they
     * stay equal in every layer, and one of them stands for all.
     *
     * @param width T5's
     */
    public static Conditioning conditioningWithoutT5(List<ClipText.Output> texts, long width) {
        return conditioning(texts, torch.zeros(texts.get(0).pooled().size(0), 1, width), T5_TOKENS);
    }

    private static Conditioning conditioning(List<ClipText.Output> texts, Tensor t5, long copies) {
        Tensor clip = torch.cat(
                new TensorVector(
                        texts.stream().map(ClipText.Output::penultimate).toArray(Tensor[]::new)),
                2);
        Tensor padded = torch.constant_pad_nd(clip, 0, t5.size(2) - clip.size(2));
        Tensor pooled = torch.cat(
                new TensorVector(texts.stream().map(ClipText.Output::pooled).toArray(Tensor[]::new)), 1);
        return new Conditioning(torch.cat(new TensorVector(padded, t5), 1), pooled, null, copies);
    }

    /** What brings the latents of the family's autoencoder to about unit variance. */
    double latentScale() {
        return scale;
    }

    /** What is subtracted from the latents before that. */
    double latentShift() {
        return shift;
    }

    /** A folder's scheduler config as diffusers' pipeline of the family takes it: SD-1's and SD-2's never clip latents. */
    SchedulerConfig scheduler(SchedulerConfig ofFolder) {
        return ofFolder.withoutClipping();
    }

    /**
     * The scheduler config of a file without one: the noise that the family was trained with, and what is known of how to
     * sample it.
     *
     * @param predicts what its network predicts, if it is not a flow
     * @param zeroTerminalSnr whether the noise was rescaled to end in pure noise (Lin et al. 2023), in which case sampling
     *     is to begin there
     */
    SchedulerConfig scheduler(Parameterization predicts, boolean zeroTerminalSnr) {
        if (flows) {
            return SchedulerConfig.flow(FlowSchedule.shifted(1000, 3), null);
        }
        SchedulerConfig config =
                SchedulerConfig.stableDiffusion(predicts).with(Placement.of(spacing(zeroTerminalSnr), 1));
        return zeroTerminalSnr ? config.with(TrainedSchedule.zeroTerminalSnr(config.diffusion())) : config;
    }

    /** Of the timesteps of such a file; null: the sampler's. */
    @Nullable
    Spacing spacing(boolean zeroTerminalSnr) {
        return zeroTerminalSnr ? Spacing.TRAILING : null;
    }

    /**
     * Whether the UNet of a file without a config predicts v rather than epsilon. The file may say so (a tensor named
     * {@code v_pred}, or modelspec metadata); else all but SD-2 predict epsilon, and SD-2 is judged by its weights: by the
     * deviation of {@code norm1.bias} in the last transformer of the finest level that has one, which is {@code
     * output_blocks.11.1} at full size.
     *
     * @param prediction the metadata {@code modelspec.prediction_type}, empty if there is none
     */
    boolean predictsVelocity(WeightSource unet, UNet.Config config, Set<String> namesInFile, String prediction) {
        if (!prediction.isEmpty()) {
            return prediction.startsWith("v");
        }
        return namesInFile.contains("v_pred") || looksLikeVelocity(unet, config);
    }

    boolean looksLikeVelocity(WeightSource unet, UNet.Config config) {
        return false;
    }

    private static double deviation(WeightSource unet, UNet.Config config) {
        int finest = config.attentionUp().indexOf(true);
        if (finest < 0) {
            return 0;
        }
        String bias = "up_blocks." + (config.attentionUp().size() - 1 - finest) + ".attentions."
                + config.encoder().resnets() + ".transformer_blocks.0.norm1.bias";
        if (!unet.names().contains(bias)) {
            return 0; // reported as missing by the check of all weights
        }
        try (TensorScope scope = TensorScope.open()) {
            Tensor values = unet.load(bias).to(torch.ScalarType.Float);
            return values.std().item_double();
        }
    }
}
