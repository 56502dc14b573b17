package org.deltasampling.model;

import org.bytedeco.pytorch.Tensor;

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
}
