package org.deltasampling.lab;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.delta.Delta;
import org.deltasampling.delta.DeltaDenoiser;
import org.deltasampling.delta.LatentBridge;
import org.deltasampling.delta.Source;
import org.deltasampling.delta.Strength;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.sampling.NoiseSource;
import org.deltasampling.sampling.SamplingPlan;
import org.deltasampling.sampling.StepListener;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.TensorScope;

/**
 * Pictures of drawings' captions by the demo models: a model alone, or the target with what a style changed in the source.
 * Picture i of a batch starts from the noise of seed i whatever draws it.
 */
record Transfer(Painter target, Painter source, int steps, double guidance, long seed) {

    private static final int BATCH = 32;

    /** What {@code painter} draws by itself, (count, 3, 64, 64) in [-1, 1]; owned by the current scope. */
    Tensor alone(Painter painter, List<String> prompts) {
        return sample(prompts, painter, some -> painter.guided(some, guidance));
    }

    /** What the target draws with {@code lambda} times the difference that {@code adapted} makes to the source. */
    Tensor delta(Painter adapted, double lambda, List<String> prompts) {
        return sample(prompts, target, some -> {
            Source base =
                    new Source(source.guided(some, guidance), source.scheduler().trained(), LatentBridge.SAME);
            Strength strength = level -> lambda;
            return new DeltaDenoiser(
                    target.guided(some, guidance), new Delta(base, adapted.guided(some, guidance), strength));
        });
    }

    private Tensor sample(List<String> prompts, Painter painter, Function<List<String>, Denoiser> denoisers) {
        List<Tensor> parts = new ArrayList<>();
        for (int from = 0; from < prompts.size(); from += BATCH) {
            List<String> some = prompts.subList(from, Math.min(prompts.size(), from + BATCH));
            long first = seed + from;
            parts.add(TensorScope.scopedTensor(() -> {
                SamplingPlan plan = SamplingPlan.of("euler", null, painter.scheduler(), steps);
                NoiseSource noise = NoiseSource.seeded(
                        LongStream.range(first, first + some.size()).toArray());
                long side = Drawing.SIZE / painter.latentSpace().downscale();
                Latent start =
                        plan.start(noise.draw(some.size(), painter.latentSpace().channels(), side, side));
                Latent latents =
                        plan.sampler().sample(denoisers.apply(some), start, plan.plan(), noise, StepListener.NONE);
                return painter.decode(latents)
                        .clamp(new ScalarOptional(new Scalar(-1)), new ScalarOptional(new Scalar(1)));
            }));
        }
        return torch.cat(new TensorVector(parts.toArray(Tensor[]::new)), 0);
    }
}
