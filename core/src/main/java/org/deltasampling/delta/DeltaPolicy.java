package org.deltasampling.delta;

import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;
import org.deltasampling.diffusion.NoiseLevel;
import org.deltasampling.diffusion.Step;
import org.deltasampling.tensor.Latent;

/**
 * What is added of one delta, evaluation by evaluation: its strength, its levels, reuse of earlier ones, limits and traces.
 * Policies compose by wrapping one another; what one remembers belongs to a single trajectory, begins with the policy and
 * ends with {@link #close}.
 */
@FunctionalInterface
public interface DeltaPolicy extends AutoCloseable {

    /** The fresh delta at the levels that the source knows, nothing at others: the better one for styles. */
    DeltaPolicy SKIP = at -> at.known() ? Optional.of(at.weighted(1)) : Optional.empty();

    /** The fresh delta everywhere, at the nearest level that the source knows: the better one for structure. */
    DeltaPolicy CLAMP = at -> Optional.of(at.weighted(1));

    /**
     * What is to be added at this evaluation, if anything. The models are evaluated only where the fresh delta is asked for.
     */
    Optional<Weighted> added(Evaluation at);

    /** This policy with {@code lambda} times the weight. */
    default DeltaPolicy times(double lambda) {
        return times(at -> lambda);
    }

    /** This policy with lambda times the weight; where that is 0 nothing is evaluated. */
    default DeltaPolicy times(ToDoubleFunction<Evaluation> lambda) {
        return new Scaled(this, lambda);
    }

    /** Releases what is remembered of the trajectory. */
    @Override
    default void close() {}

    /**
     * A delta and how much of it is taken.
     *
     * @param lambda its weight
     * @param delta adapted minus source, in the target's latents
     */
    record Weighted(double lambda, Latent delta) {

        /** With {@code factor} times the weight. */
        public Weighted times(double factor) {
            return new Weighted(factor * lambda, delta);
        }
    }

    /** {@link #times(ToDoubleFunction)}. */
    record Scaled(DeltaPolicy policy, ToDoubleFunction<Evaluation> lambda) implements DeltaPolicy {

        @Override
        public Optional<Weighted> added(Evaluation at) {
            double factor = lambda.applyAsDouble(at);
            return factor == 0 ? Optional.empty() : policy.added(at).map(weighted -> weighted.times(factor));
        }

        @Override
        public void close() {
            policy.close();
        }
    }

    /**
     * One evaluation of the target, for which a policy decides.
     *
     * @param plan the steps of the trajectory; empty where that is not known
     * @param level the target's
     * @param denoised the target's own denoised latent
     * @param known whether the source knows the level
     * @param fresh evaluates the models, at the nearest level that the source knows
     */
    record Evaluation(List<Step> plan, NoiseLevel level, Latent denoised, boolean known, Supplier<Latent> fresh) {

        /** The index of the step: see {@link Step#indexOf}. */
        public int step() {
            return Step.indexOf(plan, level);
        }

        /** From 0 in the first step to 1 in the last. */
        public double progress() {
            return (double) step() / Math.max(1, plan.size() - 1);
        }

        /** The fresh delta with that weight. */
        public Weighted weighted(double lambda) {
            return new Weighted(lambda, fresh.get());
        }
    }
}
