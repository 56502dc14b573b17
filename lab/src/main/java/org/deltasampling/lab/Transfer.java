package org.deltasampling.lab;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.delta.Delta;
import org.deltasampling.delta.DeltaDenoiser;
import org.deltasampling.delta.LatentBridge;
import org.deltasampling.delta.Source;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.lab.Prompts.Prompt;
import org.deltasampling.sampling.NoiseSource;
import org.deltasampling.sampling.SamplingPlan;
import org.deltasampling.sampling.StepListener;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.TensorScope;

/** Images of drawings' captions by the demo models: a model alone, or a target with what a style changed in the source. */
record Transfer(Painter source, int steps, double guidance) {

    private static final int BATCH = 32;

    /** What {@code painter} draws by itself, (count, 3, 64, 64) in [-1, 1]; owned by the current scope. */
    Tensor alone(Painter painter, List<Prompt> prompts) {
        return sample(prompts, painter, some -> painter.guided(some, guidance));
    }

    /** What {@code target} draws with {@code lambda} times the difference that {@code adapted} makes to the source. */
    Tensor delta(Painter target, LatentBridge bridge, Painter adapted, double lambda, List<Prompt> prompts) {
        return sample(prompts, target, some -> {
            Source base =
                    new Source(source.guided(some, guidance), source.scheduler().trained(), bridge);
            return new DeltaDenoiser(
                    target.guided(some, guidance), new Delta(base, adapted.guided(some, guidance), lambda));
        });
    }

    private Tensor sample(List<Prompt> prompts, Painter painter, Function<List<String>, Denoiser> denoisers) {
        List<Tensor> parts = new ArrayList<>();
        for (int from = 0; from < prompts.size(); from += BATCH) {
            List<Prompt> some = prompts.subList(from, Math.min(prompts.size(), from + BATCH));
            List<String> captions = some.stream().map(Prompt::caption).toList();
            parts.add(TensorScope.scopedTensor(() -> {
                SamplingPlan plan = SamplingPlan.of("euler", null, painter.scheduler(), steps);
                NoiseSource noise =
                        NoiseSource.seeded(some.stream().mapToLong(Prompt::seed).toArray());
                long side = Drawing.SIZE / painter.latentSpace().downscale();
                Latent start =
                        plan.start(noise.draw(some.size(), painter.latentSpace().channels(), side, side));
                Latent latents =
                        plan.sampler().sample(denoisers.apply(captions), start, plan.plan(), noise, StepListener.NONE);
                return painter.decode(latents)
                        .clamp(new ScalarOptional(new Scalar(-1)), new ScalarOptional(new Scalar(1)));
            }));
        }
        return torch.cat(new TensorVector(parts.toArray(Tensor[]::new)), 0);
    }
}
