package org.deltasampling.adapter;

import java.util.Collections;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * What an adapter file holds, whatever model it is for.
 *
 * @param kind what people call it
 * @param keyFormat whose names its tensors have
 * @param layers number of modules that it changes
 * @param ranks from the lowest to the highest; empty if its kind has none
 * @param contextWidth width of the text embedding that its cross-attention reads, 0 if it has none: 768 in SD-1, 1024 in
 *     SD-2, 2048 in XL
 */
public record AdapterSummary(String kind, String keyFormat, int layers, SortedSet<Long> ranks, long contextWidth) {

    public AdapterSummary {
        ranks = Collections.unmodifiableSortedSet(new TreeSet<>(ranks));
    }
}
