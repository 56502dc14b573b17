package org.deltasampling.lab;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.diffusion.Parameterization;
import org.deltasampling.model.Conditioning;
import org.deltasampling.model.clip.ClipText;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.Held;
import org.deltasampling.tensor.TensorScope;

/**
 * The squared error of a network's prediction at a random timestep: of the noise (Ho et al. 2020, equation 14) or of v
 * (Salimans and Ho 2022, appendix D) with Stable Diffusion's scaled-linear schedule, or of a rectified flow's velocity (Esser
 * et al. 2024, equation 14). High noise levels, where shapes are decided, are drawn more often, and there an error in the
 * noise is weighted as the same error in v, up to a limit.
 */
final class DiffusionLoss implements AutoCloseable {

    private static final int TIMESTEPS = 1000;
    private static final int BATCH = 32;
    private static final double TIMESTEP_EXPONENT = 0.7;
    private static final double MAX_WEIGHT = 10;

    /** Of a flow's times, which are logit-normal and shifted as in sampling (Esser et al. 2024, section 3.1). */
    private static final double LOGIT_DEVIATION = 1.2;

    static final double SHIFT = 3;

    private final ModelKind kind;
    private final CaptionedLatents images;
    private final Held alphas;
    private final Held sigmas;

    DiffusionLoss(ModelKind kind, CaptionedLatents images) {
        this.kind = kind;
        this.images = images;
        float[] alpha = new float[TIMESTEPS];
        float[] sigma = new float[TIMESTEPS];
        double product = 1;
        for (int t = 0; t < TIMESTEPS; t++) {
            double root = Math.sqrt(0.00085) + (Math.sqrt(0.012) - Math.sqrt(0.00085)) * t / (TIMESTEPS - 1);
            product *= 1 - root * root;
            alpha[t] = (float) Math.sqrt(product);
            sigma[t] = (float) Math.sqrt(1 - product);
        }
        try (TensorScope scope = TensorScope.open()) {
            alphas = Held.of(torch.tensor(alpha).view(TIMESTEPS, 1, 1, 1));
            sigmas = Held.of(torch.tensor(sigma).view(TIMESTEPS, 1, 1, 1));
        }
    }

    /** Noise levels of a batch, (b, 1, 1, 1), and their timesteps, (b). */
    private record Levels(Tensor timesteps, Tensor alpha, Tensor sigma) {}

    /** The loss of one batch under {@code parameters}: those of the network and of its text encoders. */
    Tensor of(Parameters parameters) {
        CaptionedLatents.Batch batch = images.random(BATCH);
        Tensor x0 = batch.latents();
        Levels levels = kind.predicts() == Parameterization.FLOW ? ofFlow() : ofDiffusion();
        Tensor noise = torch.randn_like(x0);
        Tensor noisy = levels.alpha.mul(x0).add(levels.sigma.mul(noise)).contiguous(torch.MemoryFormat.ChannelsLast);
        Tensor out = kind.network(parameters).predict(noisy, levels.timesteps, conditioning(parameters, batch));
        Tensor error = out.sub(target(x0, noise, levels)).square();
        if (kind.predicts() == Parameterization.EPSILON) {
            // dv = d noise / alpha
            error = error.mul(levels.alpha.square().reciprocal().clamp_max(new Scalar(MAX_WEIGHT)));
        }
        return error.mean();
    }

    private Levels ofDiffusion() {
        Tensor times = torch.rand(BATCH)
                .pow(new Scalar(TIMESTEP_EXPONENT))
                .mul(new Scalar(TIMESTEPS))
                .to(torch.ScalarType.Long);
        return new Levels(
                times.to(torch.ScalarType.Float),
                alphas.tensor().index_select(0, times),
                sigmas.tensor().index_select(0, times));
    }

    private static Levels ofFlow() {
        Tensor times = torch.randn(BATCH)
                .mul(new Scalar(LOGIT_DEVIATION))
                .add(new Scalar(Math.log(SHIFT))) // the odds of a shifted time are as many times as large
                .sigmoid();
        Tensor sigma = times.view(BATCH, 1, 1, 1);
        return new Levels(times.mul(new Scalar(TIMESTEPS)), sigma.neg().add(new Scalar(1)), sigma);
    }

    private Tensor target(Tensor x0, Tensor noise, Levels levels) {
        return switch (kind.predicts()) {
            case EPSILON -> noise;
            case SAMPLE -> x0;
            case V_PREDICTION -> levels.alpha.mul(noise).sub(levels.sigma.mul(x0));
            case FLOW -> noise.sub(x0);
        };
    }

    private Conditioning conditioning(Parameters parameters, CaptionedLatents.Batch batch) {
        List<ClipText> texts = kind.texts(parameters);
        List<ClipText.Output> outputs = new ArrayList<>();
        for (int i = 0; i < texts.size(); i++) {
            outputs.add(texts.get(i).encode(batch.ids().select(1, i)));
        }
        Conditioning all = kind.conditioning(outputs);
        if (!kind.zeroForEmptyNegative()) {
            return all;
        }
        Tensor mask = batch.captioned().to(torch.ScalarType.Float); // (b, 1)
        return new Conditioning(
                all.tokens().mul(mask.unsqueeze(2)),
                Objects.requireNonNull(all.pooled()).mul(mask),
                all.sizes());
    }

    @Override
    public void close() {
        alphas.close();
        sigmas.close();
    }
}
