package org.deltasampling.delta;

import org.deltasampling.tensor.Latent;

/**
 * The source's latent is {@code factor * x + offset}. The noise level is left as it is, as the authors' node does: this is
 * for comparison with it.
 */
record UnscaledBridge(double factor, double offset) implements LatentBridge {

    @Override
    public Latent toSource(Latent clean) {
        return clean.times(factor).plus(offset);
    }

    @Override
    public Latent noise(Latent noise) {
        return noise;
    }

    @Override
    public double gain() {
        return 1;
    }

    @Override
    public Latent back(Latent adapted, Latent source) {
        return adapted.minus(source).times(1 / factor);
    }
}
