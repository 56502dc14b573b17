package org.deltasampling.model.ipadapter;

import org.bytedeco.pytorch.Tensor;
import org.deltasampling.model.ImagePrompt;

/** The weights of an IP-Adapter. */
@FunctionalInterface
interface ImagePromptNetwork {

    /**
     * One prompt of several images.
     *
     * @param features what the image encoder makes of the images, (images, width) or (images, n, width)
     * @param weight that its attention is multiplied by
     * @param attention of the network that it is for
     */
    ImagePrompt prompt(Tensor features, double weight, AttentionLayers attention);
}
