package org.deltasampling.delta;

import java.util.List;
import org.deltasampling.delta.DeltaPolicy.Evaluation;
import org.deltasampling.diffusion.BadSamplingException;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.LevelRange;
import org.deltasampling.diffusion.NoiseLevel;
import org.deltasampling.diffusion.Step;
import org.deltasampling.tensor.Latent;

/**
 * Delta Sampling as the authors' ComfyUI node does it (Zhidong-Gao/DeltaSampling, delta_sampler.py; docs/method.md 0), for
 * comparison with it: a second trajectory for the source beside the target's, channels behind channels, from the same noise
 * and driven with the target's result; whole timesteps; the autoencoders' own units taken for the same. Source and adapted
 * are evaluated on the source's trajectory, of which nothing else comes out: by Lemma 1 of docs/method.md it is the target's,
 * under the source's first noise for ever.
 *
 * @param target the model that makes the image
 * @param source the model without the adapter
 * @param adapted the same model with it
 * @param bridge between their latents: {@link LatentBridge#unscaled}
 * @param trained the source's levels, by whole timesteps
 * @param plan the steps of the one trajectory that this is for
 * @param policy what of the delta is added
 */
public record ReferenceDenoiser(
        Denoiser target,
        Denoiser source,
        Denoiser adapted,
        LatentBridge bridge,
        LevelRange trained,
        List<Step> plan,
        DeltaPolicy policy)
        implements Denoiser, AutoCloseable {

    /**
     * Checks that the authors' node could do it.
     *
     * @throws BadSamplingException if the latents differ in channels, or if one model is a flow and the other is not, in
     *     which case the node would give one of them a wrong noise level
     */
    public static void check(long sourceChannels, long targetChannels, boolean sourceFlows, boolean targetFlows) {
        if (sourceChannels != targetChannels) {
            throw new BadSamplingException(
                    "the reference preset cannot mix latents of %d and %d channels, since it adds the one to the other as they are: leave out preset: reference"
                            .formatted(sourceChannels, targetChannels));
        }
        if (sourceFlows != targetFlows) {
            throw new BadSamplingException(
                    "the reference preset cannot mix a flow model with a model that is not one, since it gives the source the"
                            + " target's sigma, which is another noise level there: leave out preset: reference");
        }
    }

    /**
     * Both trajectories' start, source first.
     *
     * @param start the target's, at its noisiest level {@code highest}; the source's is the same noise at its own noisiest
     */
    public Latent join(Latent start, double highest) {
        boolean flows = Double.isInfinite(highest); // then both begin with noise alone
        double ratio = flows ? 1 : Math.hypot(1, trained.highest()) / Math.hypot(1, highest);
        return (ratio == 1 ? start : start.times(ratio)).joinChannels(start);
    }

    /** The target's half. */
    public static Latent targetOf(Latent joined) {
        long half = joined.shape()[1] / 2;
        return joined.channels(half, half);
    }

    @Override
    public Latent denoise(Latent joined, NoiseLevel n) {
        Latent denoised = target.denoise(targetOf(joined), n);
        Latent y = joined.channels(0, joined.shape()[1] / 2);
        NoiseLevel m = new NoiseLevel(trained.level(n.kappa()).timestep(), n.sigma(), n.alpha());
        Latent result = policy.added(new Evaluation(
                        plan, n, denoised, true, () -> bridge.back(adapted.denoise(y, m), source.denoise(y, m))))
                .map(added -> denoised.plus(added.lambda(), added.delta()))
                .orElse(denoised);
        return bridge.toSource(result).joinChannels(result);
    }

    @Override
    public void close() {
        policy.close();
    }
}
