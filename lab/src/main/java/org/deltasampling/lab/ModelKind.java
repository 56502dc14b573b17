package org.deltasampling.lab;

import java.util.List;
import java.util.stream.IntStream;
import org.deltasampling.diffusion.Parameterization;
import org.deltasampling.model.Architecture;
import org.deltasampling.model.Backbone;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.model.Conditioning;
import org.deltasampling.model.clip.ClipLayers;
import org.deltasampling.model.clip.ClipText;
import org.deltasampling.model.mmdit.Blocks;
import org.deltasampling.model.mmdit.MMDiT;
import org.deltasampling.model.mmdit.Patches;
import org.deltasampling.model.unet.EncoderConfig;
import org.deltasampling.model.unet.UNet;
import org.deltasampling.nn.Activation;
import org.deltasampling.nn.GroupNorm;
import org.deltasampling.nn.Parameters;
import org.deltasampling.nn.SinusoidalEmbedding;
import org.deltasampling.tensor.PixelSize;

/** The text-to-image models: their configurations and the domain that they are trained on. */
@SuppressWarnings("ImmutableEnumChecker") // what an autoencoder's kind has is immutable
enum ModelKind {
    /** In the layout of SD-1: predicts the noise, projects by 1x1 convolutions. */
    SOURCE(Architecture.SD1, Drawing.Domain.SOURCE, Parameterization.EPSILON, AutoencoderKind.SD) {
        @Override
        List<ClipText.Config> texts() {
            return List.of(text(64, 2, 4, Activation.QUICK_GELU, 0));
        }

        @Override
        Backbone.Config network() {
            return unet(List.of(48L, 96L), List.of(1L, 1L), List.of(8L, 8L), 64, 0);
        }
    },

    /** In the layout of SD-2: predicts v, projects linearly, is wider and deeper and trained on more. */
    TARGET(Architecture.SD2, Drawing.Domain.TARGET, Parameterization.V_PREDICTION, AutoencoderKind.SD) {
        @Override
        List<ClipText.Config> texts() {
            return List.of(text(96, 3, 6, Activation.GELU, 0));
        }

        @Override
        Backbone.Config network() {
            return unet(List.of(64L, 128L), List.of(1L, 2L), List.of(4L, 8L), 96, 0);
        }
    },

    /** In the layout of XL: predicts the noise, with two text encoders and size conditioning. */
    TARGET_XL(Architecture.SDXL, Drawing.Domain.TARGET, Parameterization.EPSILON, AutoencoderKind.XL) {
        @Override
        List<ClipText.Config> texts() {
            return List.of(text(64, 3, 4, Activation.QUICK_GELU, 0), text(PROJECTED, 3, 6, Activation.GELU, PROJECTED));
        }

        @Override
        Backbone.Config network() {
            return unet(List.of(64L, 128L), List.of(1L, 2L), List.of(4L, 8L), 64 + PROJECTED, PROJECTED);
        }

        @Override
        boolean zeroForEmptyNegative() {
            return true;
        }
    },

    /** In the layout of SD-3: a transformer that predicts a flow's velocity, with two text encoders, without T5. */
    TARGET_SD3(Architecture.SD3, Drawing.Domain.TARGET, Parameterization.FLOW, AutoencoderKind.SD3) {
        @Override
        List<ClipText.Config> texts() {
            return List.of(
                    text(64, 3, 4, Activation.QUICK_GELU, 64), text(PROJECTED, 3, 6, Activation.GELU, PROJECTED));
        }

        @Override
        Backbone.Config network() {
            return new MMDiT.Config(
                    new Patches(16, 16, 2, Drawing.SIZE / 16),
                    new Blocks(6, 128, 4, false, List.of()),
                    T5_WIDTH,
                    64 + PROJECTED);
        }

        @Override
        Conditioning conditioning(List<ClipText.Output> texts) {
            return Architecture.conditioningWithoutT5(texts, T5_WIDTH);
        }
    };

    /** Width of the second text encoder and of its pooled output. */
    private static final long PROJECTED = 96;

    /** Width that a T5 would have. */
    private static final long T5_WIDTH = 192;

    /** Width of the sinusoidal embedding of each size. */
    private static final long SIZE_WIDTH = 32;

    private final Architecture architecture;
    private final Drawing.Domain domain;
    private final Parameterization predicts;
    private final AutoencoderKind autoencoder;
    private final Vocabulary vocabulary;

    ModelKind(
            Architecture architecture, Drawing.Domain domain, Parameterization predicts, AutoencoderKind autoencoder) {
        this.architecture = architecture;
        this.domain = domain;
        this.predicts = predicts;
        this.autoencoder = autoencoder;
        vocabulary = Vocabulary.of(domain);
    }

    /** Its text encoders, in the order of diffusers' folders. */
    abstract List<ClipText.Config> texts();

    abstract Backbone.Config network();

    /** The conditioning for a batch of texts. */
    Conditioning conditioning(List<ClipText.Output> texts) {
        return architecture.conditioning(texts, new PixelSize(Drawing.SIZE, Drawing.SIZE));
    }

    /** Whether zeros stand for an empty negative prompt, as in diffusers' XL. */
    boolean zeroForEmptyNegative() {
        return false;
    }

    ClipText.Config text(long width, long layers, long heads, Activation activation, long projection) {
        return new ClipText.Config(
                new ClipText.Config.Text(vocabulary.size(), 77, vocabulary.end()),
                new ClipLayers(layers, width, 4 * width, heads, activation, 1e-5),
                projection);
    }

    UNet.Config unet(List<Long> channels, List<Long> depth, List<Long> heads, long contextWidth, long pooledWidth) {
        return new UNet.Config(
                new EncoderConfig(
                        4,
                        List.of(
                                new EncoderConfig.Level(channels.get(0), true, depth.get(0), heads.get(0)),
                                new EncoderConfig.Level(channels.get(1), false, depth.get(1), heads.get(1))),
                        1,
                        contextWidth,
                        architecture != Architecture.SD1,
                        new GroupNorm.Groups(16, 1e-5),
                        new SinusoidalEmbedding(true, 0),
                        pooledWidth == 0 ? null : new EncoderConfig.AddedEmbedding(pooledWidth, SIZE_WIDTH)),
                List.of(true, false),
                4);
    }

    /** Declares the network and the text encoders under the names of their folders. */
    void declare(Parameters p) {
        network(p);
        texts(p);
    }

    Backbone network(Parameters p) {
        return network().network(p.at(networkName()));
    }

    List<ClipText> texts(Parameters p) {
        List<ClipText.Config> configs = texts();
        return IntStream.range(0, configs.size())
                .mapToObj(i -> new ClipText(configs.get(i), p.at(Checkpoint.textEncoder(i))))
                .toList();
    }

    /** diffusers' name of the network. */
    String networkName() {
        return architecture.isFlow() ? "transformer" : "unet";
    }

    Architecture architecture() {
        return architecture;
    }

    Drawing.Domain domain() {
        return domain;
    }

    Parameterization predicts() {
        return predicts;
    }

    AutoencoderKind autoencoder() {
        return autoencoder;
    }

    /** The padding token of text encoder {@code index}. */
    String pad(int index) {
        return architecture.pad(index);
    }

    Vocabulary vocabulary() {
        return vocabulary;
    }
}
