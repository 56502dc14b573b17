package org.deltasampling.pipeline;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.deltasampling.delta.Delta;
import org.deltasampling.delta.DeltaDenoiser;
import org.deltasampling.delta.DeltaPolicy;
import org.deltasampling.delta.HoldPolicy;
import org.deltasampling.delta.ReferenceDenoiser;
import org.deltasampling.delta.Source;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.model.Conditioning;
import org.deltasampling.pipeline.PlannedRole.Guidance;
import org.deltasampling.pipeline.PromptCache.Prompt;
import org.deltasampling.recipe.BadRecipeException;
import org.deltasampling.recipe.Recipe.Levels;
import org.deltasampling.tensor.CloseTogether;
import org.deltasampling.tensor.FixedNoise;

/** Builds the denoiser of a plan, whose models are loaded and whose prompts are encoded. */
final class Denoisers {

    private final Plan plan;
    private final PromptCache prompts;
    private final Bridges bridges;
    private final StepClock clock;
    private final Request request;

    Denoisers(Plan plan, PromptCache prompts, Bridges bridges, StepClock clock, Request request) {
        this.plan = plan;
        this.prompts = prompts;
        this.bridges = bridges;
        this.clock = clock;
        this.request = request;
    }

    /**
     * The target with its deltas.
     *
     * @param trajectory closes what policies remember of it
     */
    Denoiser delta(CloseTogether trajectory) {
        Denoiser target = guided(plan.target());
        List<Delta> deltas = new ArrayList<>();
        Map<List<Object>, Source> sources = new HashMap<>(); // deltas that see the same source alike share its passes
        for (PlannedDelta planned : plan.deltas()) {
            Source source = sources.computeIfAbsent(
                    List.of(planned.delta().source(), planned.bridge()), same -> source(planned));
            deltas.add(new Delta(
                    source,
                    guided(planned.adapted()),
                    planned.delta().lambda().over(policy(planned.delta().levels()))));
        }
        return deltas.isEmpty()
                ? target
                : trajectory.keep(new DeltaDenoiser(target, plan.sampling().plan(), deltas));
    }

    private Source source(PlannedDelta planned) {
        FixedNoise noise = FixedNoise.of(
                plan.seeds().map(seed -> ~seed).toArray()); // the start noise is drawn from the seed itself
        return new Source(
                guided(planned.source()),
                planned.source().model().scheduler().trained(),
                bridges.build(planned.bridge(), noise, request));
    }

    private static DeltaPolicy policy(Levels levels) {
        return switch (levels) {
            case SKIP -> DeltaPolicy.SKIP;
            case CLAMP -> DeltaPolicy.CLAMP;
            case HOLD -> new HoldPolicy();
        };
    }

    /**
     * The authors' own sampler.
     *
     * @throws BadRecipeException if there is not just one delta
     */
    ReferenceDenoiser reference() {
        if (plan.deltas().size() != 1) {
            throw new BadRecipeException("the reference preset knows one delta, not %d: leave it out"
                    .formatted(plan.deltas().size()));
        }
        PlannedDelta planned = plan.deltas().get(0);
        return new ReferenceDenoiser(
                guided(plan.target()),
                guided(planned.source()),
                guided(planned.adapted()),
                bridges.build(planned.bridge(), FixedNoise.of(0), request),
                planned.source().model().scheduler().whole(),
                plan.sampling().plan(),
                planned.delta().lambda().over(DeltaPolicy.CLAMP));
    }

    private Denoiser guided(PlannedRole role) {
        Controls controls = new Controls(role, clock);
        return role.model()
                .guided(
                        role.guidance().stream()
                                .map(one -> controls.conditional(prompts.conditioning(one.prompt())))
                                .toList(),
                        role.guidance().stream()
                                .map(one -> controls.unconditional(unconditional(one)))
                                .toList(),
                        plan.common().sampling().cfg(),
                        controls.onConditional(),
                        controls.onUnconditional());
    }

    private Conditioning unconditional(Guidance guidance) {
        Prompt negative = guidance.negative();
        return negative == null ? prompts.conditioning(guidance.prompt()).zeroed() : prompts.conditioning(negative);
    }
}
