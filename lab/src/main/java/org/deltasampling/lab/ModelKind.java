package org.deltasampling.lab;

import java.util.List;
import org.deltasampling.model.clip.ClipText;
import org.deltasampling.model.unet.UNet;
import org.deltasampling.nn.Activation;

/** The two text-to-image models: what they are made of and what their pictures may show. */
@SuppressWarnings("ImmutableEnumChecker") // the lists are of List.of
enum ModelKind {
    /** In the layout of SD-1: predicts the noise, projects by 1x1 convolutions. */
    SOURCE(Drawing.Domain.SOURCE, false, "<|endoftext|>", List.of(48L, 96L), List.of(1L, 1L), List.of(8L, 8L)) {
        @Override
        ClipText.Config text() {
            return new ClipText.Config(
                    vocabulary().size(),
                    77,
                    64,
                    256,
                    2,
                    4,
                    Activation.QUICK_GELU,
                    1e-5,
                    vocabulary().end(),
                    0);
        }
    },
    /** In the layout of SD-2: predicts velocity, projects linearly, is wider and deeper and has seen more. */
    TARGET(Drawing.Domain.TARGET, true, "!", List.of(64L, 128L), List.of(1L, 2L), List.of(4L, 8L)) {
        @Override
        ClipText.Config text() {
            return new ClipText.Config(
                    vocabulary().size(),
                    77,
                    96,
                    384,
                    3,
                    6,
                    Activation.GELU,
                    1e-5,
                    vocabulary().end(),
                    0);
        }
    };

    private final Drawing.Domain domain;
    private final boolean velocity;
    private final String pad;
    private final List<Long> channels;
    private final List<Long> depth;
    private final List<Long> heads;
    private final Vocabulary vocabulary;

    ModelKind(
            Drawing.Domain domain,
            boolean velocity,
            String pad,
            List<Long> channels,
            List<Long> depth,
            List<Long> heads) {
        this.domain = domain;
        this.velocity = velocity;
        this.pad = pad;
        this.channels = channels;
        this.depth = depth;
        this.heads = heads;
        vocabulary = Vocabulary.of(domain);
    }

    abstract ClipText.Config text();

    UNet.Config unet() {
        return new UNet.Config(
                4,
                4,
                channels,
                List.of(true, false),
                List.of(true, false),
                1,
                depth,
                heads,
                text().width(),
                velocity,
                16,
                1e-5,
                true,
                0,
                0,
                0);
    }

    Drawing.Domain domain() {
        return domain;
    }

    /** Whether it predicts velocity rather than the noise. */
    boolean velocity() {
        return velocity;
    }

    /** The token that fills up a short prompt. */
    String pad() {
        return pad;
    }

    Vocabulary vocabulary() {
        return vocabulary;
    }
}
