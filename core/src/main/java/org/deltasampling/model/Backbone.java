package org.deltasampling.model;

import org.bytedeco.pytorch.Tensor;
import org.deltasampling.nn.Parameters;

/** The raw network; knows nothing of schedules, guidance or adapters. */
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

    /** Widths and depths of a network: what declares its parameters. */
    interface Config {

        /** The network over {@code parameters}. */
        Backbone network(Parameters parameters);

        /** Channels of what it reads. */
        long inChannels();

        /** Channels of what it answers. */
        long outChannels();

        /** Width of the text embedding's tokens. */
        long contextWidth();

        /** Width of the pooled text that it is told besides; 0: it is told none. */
        long pooledWidth();

        /** About how many numbers are in memory at once on the way of one latent of that size through it. */
        long working(long height, long width);

        /** What the sides of its latents must be divisible by. */
        long patch();
    }
}
