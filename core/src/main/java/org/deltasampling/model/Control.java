package org.deltasampling.model;

import org.bytedeco.pytorch.Tensor;

/** What a network beside a backbone makes of one image, to steer the backbone by: a ControlNet or a T2I-Adapter. */
@FunctionalInterface
public interface Control {

    /**
     * What is added to the backbone's hidden states; arguments as of {@link Backbone#predict}.
     *
     * @param scale 1 as the network was trained
     */
    Residuals residuals(Tensor x, Tensor timesteps, Conditioning c, double scale);
}
