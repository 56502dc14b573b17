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
 * The squared error of a network's prediction at a random time: of the noise (Ho et al. 2020, equation 14) or of the velocity
 * (Salimans and Ho 2022, appendix D) with Stable Diffusion's scaled-linear schedule, or of a rectified flow's velocity (Esser
 * et al. 2024, equation 14). Late times come more often and an error in the noise weighs as it would in the velocity, up to a
 * limit: what a caption says of shapes is decided there.
 */
final class DiffusionLoss implements AutoCloseable {

    private static final int TIMES = 1000;
    private static final int BATCH = 32;
    private static final double LATENESS = 0.7;
    private static final double HEAVIEST = 10;

    /** Of a flow's times, which are logit-normal and shifted as they are in sampling (Esser et al. 2024, section 3.1). */
    private static final double SPREAD = 1.2;

    static final double SHIFT = 3;

    private final ModelKind kind;
    private final Captioned images;
    private final Held alphas;
    private final Held sigmas;

    DiffusionLoss(ModelKind kind, Captioned images) {
        this.kind = kind;
        this.images = images;
        float[] alpha = new float[TIMES];
        float[] sigma = new float[TIMES];
        double product = 1;
        for (int t = 0; t < TIMES; t++) {
            double root = Math.sqrt(0.00085) + (Math.sqrt(0.012) - Math.sqrt(0.00085)) * t / (TIMES - 1);
            product *= 1 - root * root;
            alpha[t] = (float) Math.sqrt(product);
            sigma[t] = (float) Math.sqrt(1 - product);
        }
        try (TensorScope scope = TensorScope.open()) {
            alphas = Held.of(torch.tensor(alpha).view(TIMES, 1, 1, 1));
            sigmas = Held.of(torch.tensor(sigma).view(TIMES, 1, 1, 1));
        }
    }

    /** Noise levels of a batch, (b, 1, 1, 1), and their names, (b). */
    private record Levels(Tensor timesteps, Tensor alpha, Tensor sigma) {}

    /** The loss of one batch under {@code parameters}, which hold the network's and the text encoders' side by side. */
    Tensor of(Parameters parameters) {
        Captioned.Batch batch = images.random(BATCH);
        Tensor clean = batch.latents();
        Levels levels = kind.predicts() == Parameterization.FLOW ? ofFlow() : ofDiffusion();
        Tensor noise = torch.randn_like(clean);
        Tensor noisy = levels.alpha.mul(clean).add(levels.sigma.mul(noise)).contiguous(torch.MemoryFormat.ChannelsLast);
        Tensor out = kind.network(parameters).predict(noisy, levels.timesteps, told(parameters, batch));
        Tensor error = out.sub(wanted(clean, noise, levels)).square();
        if (kind.predicts() == Parameterization.EPSILON) {
            // d velocity = d noise / alpha
            error = error.mul(levels.alpha.square().reciprocal().clamp_max(new Scalar(HEAVIEST)));
        }
        return error.mean();
    }

    private Levels ofDiffusion() {
        Tensor times = torch.rand(BATCH)
                .pow(new Scalar(LATENESS))
                .mul(new Scalar(TIMES))
                .to(torch.ScalarType.Long);
        return new Levels(
                times.to(torch.ScalarType.Float),
                alphas.tensor().index_select(0, times),
                sigmas.tensor().index_select(0, times));
    }

    private static Levels ofFlow() {
        Tensor times = torch.randn(BATCH)
                .mul(new Scalar(SPREAD))
                .add(new Scalar(Math.log(SHIFT))) // the odds of a shifted time are as many times as large
                .sigmoid();
        Tensor sigma = times.view(BATCH, 1, 1, 1);
        return new Levels(times.mul(new Scalar(TIMES)), sigma.neg().add(new Scalar(1)), sigma);
    }

    private Tensor wanted(Tensor clean, Tensor noise, Levels levels) {
        return switch (kind.predicts()) {
            case EPSILON -> noise;
            case SAMPLE -> clean;
            case V_PREDICTION -> levels.alpha.mul(noise).sub(levels.sigma.mul(clean));
            case FLOW -> noise.sub(clean);
        };
    }

    private Conditioning told(Parameters parameters, Captioned.Batch batch) {
        List<ClipText> texts = kind.texts(parameters);
        List<ClipText.Output> said = new ArrayList<>();
        for (int i = 0; i < texts.size(); i++) {
            said.add(texts.get(i).encode(batch.ids().select(1, i)));
        }
        Conditioning told = kind.told(said);
        if (!kind.isSilent()) {
            return told;
        }
        Tensor heard = batch.told().to(torch.ScalarType.Float); // (b, 1)
        return new Conditioning(
                told.tokens().mul(heard.unsqueeze(2)),
                Objects.requireNonNull(told.pooled()).mul(heard),
                told.sizes());
    }

    @Override
    public void close() {
        alphas.close();
        sigmas.close();
    }
}
