package org.deltasampling.adapter;

import org.deltasampling.model.Conditioning;
import org.deltasampling.weights.WeightSource;

/** A change to what a model reads, its weights or its conditioning; pure: it leaves what it is given as it is. */
public interface Adapter {

    /** Changes nothing. */
    Adapter NONE = base -> base;

    /** {@code base} with the change, under the same canonical names; names that the adapter does not know stay. */
    WeightSource weights(WeightSource base);

    /** {@code c} with the change. */
    default Conditioning conditioning(Conditioning c) {
        return c;
    }

    /** This change, then {@code next} upon its result. */
    default Adapter then(Adapter next) {
        Adapter first = this;
        return new Adapter() {
            @Override
            public WeightSource weights(WeightSource base) {
                return next.weights(first.weights(base));
            }

            @Override
            public Conditioning conditioning(Conditioning c) {
                return next.conditioning(first.conditioning(c));
            }
        };
    }
}
