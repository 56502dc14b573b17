package org.deltasampling.lab;

import java.util.List;

/**
 * One style with one target.
 *
 * @param alone by the target alone
 * @param adapted by the adapted source
 * @param deltas by the target with the style's delta, at each of the target's lambdas
 */
record StyleResult(Target target, Style style, Samples alone, Samples adapted, List<Samples> deltas) {

    /** The deltas' samples that are shown. */
    Samples shown() {
        return deltas.get(target.lambdas().indexOf(target.shown()));
    }
}
