package org.deltasampling.pipeline;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.OptionalLong;
import org.deltasampling.recipe.BadRecipeException;

/**
 * What an image takes of the machine's memory, from the shapes of its models alone: what is in memory in each phase, weights
 * that several roles share counted once. Weights that are used as their file has them are mapped: the system can put them
 * aside, at the cost of reading them again. What is in a GPU's memory is not counted.
 *
 * @param phases in the order of time
 * @param releasing whether denoising networks are released before the image is decoded, and read again for the next one
 * @param available what of the machine's memory is free or used by this process already; empty where that is not known
 */
public record MemoryPlan(List<Phase> phases, boolean releasing, OptionalLong available) {

    public MemoryPlan {
        phases = List.copyOf(phases);
    }

    /** Something in memory. */
    public record Part(String what, long bytes) {}

    /** What is in memory together. */
    public record Phase(String name, List<Part> parts) {

        public Phase {
            parts = List.copyOf(parts);
        }

        public long bytes() {
            return parts.stream().mapToLong(Part::bytes).sum();
        }
    }

    /** The most that is in memory at once. */
    public long peak() {
        return phases.stream().mapToLong(Phase::bytes).max().orElse(0);
    }

    /** For people, a line for each phase. */
    public List<String> lines() {
        List<String> lines = new ArrayList<>();
        lines.add("memory: at most %s%s"
                .formatted(
                        gibibytes(peak()),
                        available.isPresent() ? ", of %s available".formatted(gibibytes(available.getAsLong())) : ""));
        for (Phase phase : phases) {
            lines.add("  %-9s %s: %s"
                    .formatted(
                            phase.name,
                            gibibytes(phase.bytes()),
                            String.join(
                                    ", ",
                                    phase.parts.stream()
                                            .map(part -> part.what + " " + gibibytes(part.bytes))
                                            .toList())));
        }
        return lines;
    }

    /**
     * Refuses what needs more than {@code limit} bytes.
     *
     * @throws BadRecipeException with the numbers, saying what could be done
     */
    void require(long limit) {
        if (peak() <= limit) {
            return;
        }
        Phase worst =
                phases.stream().max(Comparator.comparingLong(Phase::bytes)).orElseThrow();
        Part largest =
                worst.parts.stream().max(Comparator.comparingLong(Part::bytes)).orElseThrow();
        throw new BadRecipeException(
                "this image needs about %s of memory (in %s, most of it for %s, %s) where %s may be used: take sampling.precision bfloat16, a smaller sampling.size or fewer roles, or allow more memory"
                        .formatted(
                                gibibytes(peak()),
                                worst.name,
                                largest.what,
                                gibibytes(largest.bytes),
                                gibibytes(limit)));
    }

    /** For people. */
    static String gibibytes(long bytes) {
        return String.format(Locale.ROOT, "%.2f GiB", bytes / (double) (1 << 30));
    }
}
