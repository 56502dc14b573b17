package org.deltasampling.model.mmdit;

import java.util.List;

/**
 * Its joint blocks.
 *
 * @param width of both streams
 * @param normedQueries whether queries and keys are normalized
 * @param dual numbers of the blocks with a second attention, of the image to itself
 */
public record Blocks(long count, long width, long heads, boolean normedQueries, List<Long> dual) {

    public Blocks {
        dual = List.copyOf(dual);
    }
}
