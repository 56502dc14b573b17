package org.deltasampling.model;

import org.bytedeco.pytorch.Tensor;

/**
 * All that a network is told besides x and t.
 *
 * @param tokens text embedding, (batch, tokens, width)
 */
public record Conditioning(Tensor tokens) {}
