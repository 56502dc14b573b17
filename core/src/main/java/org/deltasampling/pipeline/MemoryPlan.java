package org.deltasampling.pipeline;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.OptionalLong;
import java.util.Set;
import org.deltasampling.recipe.BadRecipeException;

/**
 * What an image takes of the machine's memory, from the shapes of its models alone: what is in memory in each phase, weights
 * that several roles share counted once. Weights that are used as their file has them are mapped: the system can put them
 * aside, at the cost of reading them again. What is in a GPU's memory is not counted.
 *
 * @param phases in the order of time
 * @param releasing whether denoising networks are let go before the image is decoded, and read again for the next one
 * @param available what of the machine's memory is free or used by this process already; empty where that is not known
 */
public record MemoryPlan(List<Phase> phases, boolean releasing, OptionalLong available) {

    /** Libtorch's own, which comes into memory with the first computations, and what is left of reading files. */
    private static final long PROGRAM = 768L << 20;

    /** Networks are kept while images are decoded where that takes no larger part of what may be used. */
    private static final double ROOM = 0.75;

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

    /**
     * Of an image from latents of that shape.
     *
     * @param before what the process had in memory before anything was loaded, in bytes
     * @param limit what may be used, in bytes
     * @param target decodes it
     * @param roles all models, the target's too, as often as they occur
     * @param bridges what is needed between the models' latents in every step
     * @param guided whether networks see each latent twice
     */
    static MemoryPlan of(
            long before,
            long limit,
            Model target,
            List<Model> roles,
            List<Part> bridges,
            long[] latents,
            boolean guided) {
        Part program = new Part("the program", PROGRAM + before);
        List<Part> text = new ArrayList<>(List.of(program));
        roles.stream()
                .filter(role -> !role.device().gpu())
                .map(role -> role.texts().largest())
                .max(Comparator.comparingLong(Part::bytes))
                .ifPresent(text::add);
        Set<Model> networks = networks(roles);
        List<Part> sampling = new ArrayList<>(List.of(program));
        networks.stream()
                .filter(model -> !model.device().gpu())
                .forEach(model -> sampling.add(model.networkInMemory()));
        List<Part> decoding = new ArrayList<>(sampling);
        sampling.addAll(bridges);
        sampling.add(new Part(
                "latents on their way",
                roles.stream()
                                .filter(role -> !role.device().gpu())
                                .mapToLong(role -> role.networkWorking(latents))
                                .max()
                                .orElse(0)
                        * (guided ? 2 : 1)));
        List<Part> alone = new ArrayList<>(List.of(program));
        if (!target.device().gpu()) {
            decoding.addAll(target.decodingInMemory(latents));
            alone.addAll(target.decodingInMemory(latents));
        }
        boolean releasing = new Phase("decoding", decoding).bytes() > ROOM * limit;
        return new MemoryPlan(
                List.of(
                        new Phase("text", text),
                        new Phase("sampling", sampling),
                        new Phase("decoding", releasing ? alone : decoding)),
                releasing,
                MachineMemory.available());
    }

    /** The models whose networks are in memory for {@code roles}: themselves, and what they stand on. */
    static Set<Model> networks(List<Model> roles) {
        Set<Model> networks = new LinkedHashSet<>();
        roles.forEach(role -> role.addTo(networks));
        return networks;
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
                ("this image needs about %s of memory (in %s, most of it for %s, %s) where %s may be used: take --precision bfloat16,"
                                + " a smaller --size or fewer roles, or try it all the same with --memory any")
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
