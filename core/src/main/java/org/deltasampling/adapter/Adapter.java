package org.deltasampling.adapter;

import org.deltasampling.weights.WeightSource;

/** A change of the weights that a part of a model reads; pure: it leaves what it is given as it is. */
@FunctionalInterface
public interface Adapter {

    /** Changes nothing. */
    Adapter NONE = base -> base;

    /** {@code base} with the change, under the same canonical names; weights that the adapter does not touch are shared. */
    WeightSource weights(WeightSource base);

    /** This change, then {@code next} upon its result. */
    default Adapter then(Adapter next) {
        return base -> next.weights(weights(base));
    }
}
