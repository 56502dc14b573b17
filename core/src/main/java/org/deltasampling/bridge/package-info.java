/**
 * Bridges between the latents of models that do not share an autoencoder: fitted ones ({@link
 * org.deltasampling.bridge.BridgeFitter}, {@link org.deltasampling.bridge.BridgeFile}), published colours, and the round trip
 * through pixels. What a bridge has to do is said by {@link org.deltasampling.delta.LatentBridge}.
 */
@NullMarked
package org.deltasampling.bridge;

import org.jspecify.annotations.NullMarked;
