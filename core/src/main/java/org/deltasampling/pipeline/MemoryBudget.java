package org.deltasampling.pipeline;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import org.deltasampling.pipeline.MemoryPlan.Part;
import org.deltasampling.pipeline.MemoryPlan.Phase;
import org.deltasampling.recipe.BadRecipeException;

/**
 * Plans what an image takes of the machine's memory and makes room for it: weights that earlier images left in memory are
 * counted, and released, those that were not used for longest first, where they would not fit beside.
 */
final class MemoryBudget {

    /** Libtorch's own, which comes into memory with the first computations, and what is left of reading files. */
    private static final long RUNTIME = 768L << 20;

    /** Networks are kept while images are decoded where that takes no larger part of what may be used. */
    private static final double ROOM = 0.75;

    private final long before;
    private final OptionalLong most;

    /** @param most what may be used, in bytes; empty: what the machine has free, where that is known */
    MemoryBudget(OptionalLong most) {
        this(MachineMemory.resident().orElse(0), most);
    }

    /** @param before what the process had in memory before anything was loaded, in bytes */
    MemoryBudget(long before, OptionalLong most) {
        this.before = before;
        this.most = most;
    }

    /**
     * The plan of an image, for which room has been made.
     *
     * @param target decodes it
     * @param roles all models, the target too, as often as they occur
     * @param beside what is needed in every step besides: bridges and controls
     * @param shape of the latents
     * @param passes how many latents networks see at once: guidance shows them each twice
     * @throws BadRecipeException if it needs too much
     */
    MemoryPlan plan(ModelCache cache, Model target, List<Model> roles, List<Part> beside, long[] shape, int passes) {
        long limit = most.orElse(MachineMemory.available().orElse(Long.MAX_VALUE));
        Set<Model> used = ModelCache.withBases(roles);
        MemoryPlan plan = estimate(before, limit, cache, target, roles, beside, shape, passes);
        while (plan.peak() > limit && cache.releaseOldest(used)) {
            plan = estimate(before, limit, cache, target, roles, beside, shape, passes);
        }
        plan.require(limit);
        return plan;
    }

    /** The plan with what is in memory now. */
    static MemoryPlan estimate(
            long before,
            long limit,
            ModelCache cache,
            Model target,
            List<Model> roles,
            List<Part> beside,
            long[] shape,
            int passes) {
        Set<Model> used = ModelCache.withBases(roles);
        List<Part> always = new ArrayList<>(List.of(new Part("runtime", RUNTIME + before)));
        long kept = cache.residentBytes(used);
        if (kept > 0) {
            always.add(new Part("models of earlier images", kept));
        }
        List<Part> text = new ArrayList<>(always);
        roles.stream()
                .filter(role -> !role.device().gpu())
                .map(role -> role.texts().largest())
                .max(Comparator.comparingLong(Part::bytes))
                .ifPresent(text::add);
        List<Part> networks = new ArrayList<>();
        used.stream().filter(model -> !model.device().gpu()).forEach(model -> networks.add(model.networkInMemory()));
        List<Part> sampling = new ArrayList<>(always);
        sampling.addAll(networks);
        sampling.addAll(beside);
        sampling.add(new Part(
                "activations",
                roles.stream()
                                .filter(role -> !role.device().gpu())
                                .mapToLong(role -> role.networkWorking(shape))
                                .max()
                                .orElse(0)
                        * passes));
        List<Part> decoder = target.device().gpu() ? List.of() : target.decodingInMemory(shape);
        List<Part> decoding = new ArrayList<>(always);
        decoding.addAll(networks);
        decoding.addAll(decoder);
        boolean releasing = new Phase("decoding", decoding).bytes() > ROOM * limit;
        if (releasing) {
            decoding.removeAll(networks);
        }
        return new MemoryPlan(
                List.of(new Phase("text", text), new Phase("sampling", sampling), new Phase("decoding", decoding)),
                releasing,
                MachineMemory.available());
    }
}
