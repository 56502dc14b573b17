package org.deltasampling.nn;

import org.deltasampling.weights.BadWeightsException;

/** What must be divided into equal parts. */
final class Division {

    private Division() {}

    /** Refuses a whole that its parts do not divide: "320 channels cannot be divided into 7 groups". */
    static void require(long whole, String of, long parts, String into) {
        if (whole % parts != 0) {
            throw new BadWeightsException("%d %s cannot be divided into %d %s".formatted(whole, of, parts, into));
        }
    }
}
