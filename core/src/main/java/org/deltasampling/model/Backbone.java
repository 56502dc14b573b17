package org.deltasampling.model;

import org.bytedeco.pytorch.Tensor;
import org.deltasampling.nn.Parameters;

/** The raw network, independent of schedules, guidance and adapters. */
@FunctionalInterface
public interface Backbone {

    /**
     * One evaluation.
     *
     * @param x (batch, channels, height, width), already in the network's input scale
     * @param timesteps (batch) or (1), float32, in training steps (0 to 999), not necessarily whole
     * @return the network's raw output, shaped as x
     */
    Tensor predict(Tensor x, Tensor timesteps, Conditioning c);

    /** The form of a network: what declares its parameters. */
    interface Config {

        /** The network over {@code parameters}. */
        Backbone network(Parameters parameters);

        /** Channels of its input. */
        long inChannels();

        /** Channels of its output. */
        long outChannels();

        /** Width of the text embedding's tokens. */
        long contextWidth();

        /** Width of the pooled text that it reads as well; 0: it reads none. */
        long pooledWidth();

        /** About how many numbers its activations for one latent of that size take at once. */
        long working(long height, long width);

        /** What the sides of its latents must be divisible by. */
        long patch();
    }
}
