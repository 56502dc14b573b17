package org.deltasampling.lab;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.deltasampling.lab.Drawing.Domain;

/**
 * What the demo asks for.
 *
 * @param shared of words that both the source and its targets know
 * @param fresh of words that are new to the source
 */
record Prompts(List<Prompt> shared, List<Prompt> fresh) {

    /** A drawing, and what its image's start noise follows from, whatever draws it. */
    record Prompt(Drawing drawing, long seed) {

        String caption() {
            return drawing.caption();
        }
    }

    /**
     * Random ones, all different in their words and in their noise.
     *
     * @param fresh at most 40, as many as there are
     */
    static Prompts random(long seed, int shared, int fresh) {
        SplittableRandom random = new SplittableRandom(seed);
        return new Prompts(
                random(Domain.SOURCE, random, seed, shared), random(Domain.TARGET_ONLY, random, seed + shared, fresh));
    }

    private static List<Prompt> random(Domain domain, SplittableRandom random, long seed, int count) {
        Set<String> captions = new HashSet<>();
        List<Drawing> drawings = Stream.generate(() -> Drawing.random(domain, random))
                .filter(drawing -> captions.add(drawing.caption()))
                .limit(count)
                .toList();
        return IntStream.range(0, count)
                .mapToObj(i -> new Prompt(drawings.get(i), seed + i))
                .toList();
    }

    /** The first of each. */
    Prompts first(int ofShared, int ofFresh) {
        return new Prompts(shared.subList(0, ofShared), fresh.subList(0, ofFresh));
    }

    /** The shared ones, then the others. */
    List<Prompt> all() {
        return Stream.concat(shared.stream(), fresh.stream()).toList();
    }
}
