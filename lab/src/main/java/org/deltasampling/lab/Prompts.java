package org.deltasampling.lab;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.deltasampling.lab.Drawing.Domain;

/**
 * The demo's prompts.
 *
 * @param shared of words that both the source and its targets are trained on
 * @param novel of words that the source is not trained on
 */
record Prompts(List<Prompt> shared, List<Prompt> novel) {

    /** A drawing that an image should show, and the seed of the image's start noise. */
    record Prompt(Drawing drawing, long seed) {

        String caption() {
            return drawing.caption();
        }
    }

    /**
     * Random prompts, all with different captions and seeds.
     *
     * @param novel at most 40, as many as there are
     */
    static Prompts random(long seed, int shared, int novel) {
        SplittableRandom random = new SplittableRandom(seed);
        return new Prompts(
                random(Domain.SOURCE, random, seed, shared), random(Domain.TARGET_ONLY, random, seed + shared, novel));
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
    Prompts first(int ofShared, int ofNovel) {
        return new Prompts(shared.subList(0, ofShared), novel.subList(0, ofNovel));
    }

    /** The shared ones, then the others. */
    List<Prompt> all() {
        return Stream.concat(shared.stream(), novel.stream()).toList();
    }
}
