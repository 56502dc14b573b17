package org.deltasampling.diffusion;

import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * How a model was trained and wants to be sampled, under the names of diffusers' {@code scheduler_config.json}; each sampler
 * heeds what its scheduler in diffusers does.
 *
 * @param trained the noise levels it was trained on
 * @param parameterization what its output means
 * @param placement where the steps are placed
 * @param end where the last step ends
 * @param clipping what the denoised latent is held to
 * @param solver how multistep samplers go about it
 * @param remarks what else is to be said of it
 */
public record SchedulerConfig(
        LevelRange trained,
        Parameterization parameterization,
        Placement placement,
        End end,
        Clipping clipping,
        Solver solver,
        Remarks remarks) {

    /**
     * Where the steps are placed.
     *
     * @param timestepSpacing the spacing of timesteps it asks for; null: it leaves that to the sampler
     * @param stepsOffset added to leading timesteps
     * @param sigmas the spacing of sigmas it asks for; null: they follow the timesteps
     * @param sigmaMin the lowest of these; null: that of the timesteps
     * @param sigmaMax the highest of these; null: that of the timesteps
     */
    public record Placement(
            @Nullable Spacing timestepSpacing,
            int stepsOffset,
            @Nullable SigmaSpacing sigmas,
            @Nullable Double sigmaMin,
            @Nullable Double sigmaMax) {

        /** By timesteps. */
        public static Placement of(@Nullable Spacing timestepSpacing, int stepsOffset) {
            return new Placement(timestepSpacing, stepsOffset, null, null, null);
        }

        double sigmaMin(double otherwise) {
            return sigmaMin == null ? otherwise : sigmaMin;
        }

        double sigmaMax(double otherwise) {
            return sigmaMax == null ? otherwise : sigmaMax;
        }
    }

    /**
     * Where the last step ends.
     *
     * @param setAlphaToOne whether DDIM and PNDM end in no noise or at the lowest trained level; null: as each does by default
     * @param finalSigmaMin whether the samplers that would end in no noise end at the lowest trained level instead
     */
    public record End(@Nullable Boolean setAlphaToOne, boolean finalSigmaMin) {

        /** Each sampler's own. */
        public static final End DEFAULT = new End(null, false);

        /** {@link #setAlphaToOne}, {@code otherwise} where it leaves that open. */
        public boolean setAlphaToOne(boolean otherwise) {
            return setAlphaToOne == null ? otherwise : setAlphaToOne;
        }
    }

    /**
     * What the denoised latent is held to.
     *
     * @param clipSample whether it is held to [-range, range]; null: as each sampler does by default
     * @param clipSampleRange that range
     */
    public record Clipping(@Nullable Boolean clipSample, double clipSampleRange) {

        /** Nothing. */
        public static final Clipping NONE = new Clipping(false, 1);

        /** The range, if it is clipped; {@code otherwise} says whether where it leaves that open. */
        public Optional<Double> range(boolean otherwise) {
            boolean clips = clipSample == null ? otherwise : clipSample;
            return clips ? Optional.of(clipSampleRange) : Optional.empty();
        }
    }

    /**
     * How multistep samplers go about it.
     *
     * @param order of DPM-Solver++, UniPC and DEIS, 1 to 3
     * @param type the variant of DPM-Solver++ (midpoint, heun) or of UniPC (bh1, bh2); each has its default for another's
     * @param lowerOrderFinal whether the last steps are of lower order
     * @param eulerAtFinal whether DPM-Solver++'s last step is of first order in any case
     * @param skipPrkSteps whether PNDM begins without Runge-Kutta steps
     * @param disableCorrector the steps after which UniPC does not correct, from 0
     */
    public record Solver(
            int order,
            String type,
            boolean lowerOrderFinal,
            boolean eulerAtFinal,
            boolean skipPrkSteps,
            Set<Integer> disableCorrector) {

        /** diffusers' defaults, and PNDM as its Stable Diffusion pipelines have it. */
        public static final Solver DEFAULT = new Solver(2, "", true, false, true, Set.of());
    }

    /**
     * What else is to be said.
     *
     * @param unsupported settings that are not implemented, with their values: samplers whose scheduler heeds them refuse
     * @param note a sentence for the user, for instance that the scheduler's class is unknown; null: none
     */
    public record Remarks(
            Map<String, String> unsupported, @Nullable String note) {

        public static final Remarks NONE = new Remarks(Map.of(), null);

        public Remarks {
            unsupported = Map.copyOf(unsupported);
        }
    }

    /** What Stable Diffusion 1 and 2 are trained with, and how diffusers samples them, where no file says so. */
    public static SchedulerConfig stableDiffusion(Parameterization parameterization) {
        return new SchedulerConfig(
                TrainedSchedule.scaledLinear(1000, 0.00085, 0.012),
                parameterization,
                Placement.of(null, 1),
                new End(false, false),
                Clipping.NONE,
                Solver.DEFAULT,
                Remarks.NONE);
    }

    /**
     * A flow model's: trained on that flow, and sampled as diffusers' FlowMatchEulerDiscrete does.
     *
     * @param sigmas how its levels are spaced; null: evenly in time
     */
    public static SchedulerConfig flow(FlowSchedule trained, @Nullable SigmaSpacing sigmas) {
        return new SchedulerConfig(
                trained,
                Parameterization.FLOW,
                new Placement(null, 0, sigmas, null, null),
                End.DEFAULT,
                Clipping.NONE,
                Solver.DEFAULT,
                Remarks.NONE);
    }

    /** The same for an image of so many patches: flow models may shift their levels by its size. */
    public SchedulerConfig at(long patches) {
        return trained instanceof FlowSchedule flow ? with(flow.at(patches)) : this;
    }

    /**
     * The levels of a diffusion model.
     *
     * @throws BadSamplingException if this is a flow model's
     */
    public TrainedSchedule diffusion() {
        if (trained instanceof TrainedSchedule diffusion) {
            return diffusion;
        }
        throw new BadSamplingException("this is a flow model, which has no betas: give the sampler euler");
    }

    /** Its levels by whole timesteps where it was trained on such, as the authors' reference has them. */
    public LevelRange whole() {
        return trained instanceof TrainedSchedule diffusion ? diffusion.whole() : trained;
    }

    /** The same for other trained levels. */
    public SchedulerConfig with(LevelRange levels) {
        return new SchedulerConfig(levels, parameterization, placement, end, clipping, solver, remarks);
    }

    /** The same for a model whose output means something else than the file says. */
    public SchedulerConfig with(Parameterization other) {
        return new SchedulerConfig(trained, other, placement, end, clipping, solver, remarks);
    }

    /** The same with other places of the steps. */
    public SchedulerConfig with(Placement other) {
        return new SchedulerConfig(trained, parameterization, other, end, clipping, solver, remarks);
    }

    /** The same without clipping. */
    public SchedulerConfig withoutClipping() {
        return new SchedulerConfig(trained, parameterization, placement, end, Clipping.NONE, solver, remarks);
    }

    /** A sentence for the user, if there is something to tell. */
    public Optional<String> note() {
        return Optional.ofNullable(remarks.note);
    }
}
