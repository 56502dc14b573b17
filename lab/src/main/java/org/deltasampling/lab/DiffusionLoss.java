package org.deltasampling.lab;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.model.Conditioning;
import org.deltasampling.model.clip.ClipText;
import org.deltasampling.model.unet.UNet;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.Held;
import org.deltasampling.tensor.TensorScope;

/**
 * The squared error of a network's prediction at a random time, of the noise (Ho et al. 2020, equation 14) or of the
 * velocity (Salimans and Ho 2022, appendix D), with Stable Diffusion's scaled-linear schedule. Late times come more often
 * and an error in the noise weighs as it would in the velocity, up to a limit: what a caption says of shapes is decided
 * there.
 */
final class DiffusionLoss implements AutoCloseable {

    private static final int TIMES = 1000;
    private static final int BATCH = 32;
    private static final double LATENESS = 0.7;
    private static final double HEAVIEST = 10;

    private final ModelKind kind;
    private final Captioned pictures;
    private final Held alphas;
    private final Held sigmas;

    DiffusionLoss(ModelKind kind, Captioned pictures) {
        this.kind = kind;
        this.pictures = pictures;
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

    /** The loss of one batch under {@code parameters}, which hold the UNet's and the text encoder's side by side. */
    Tensor of(Parameters parameters) {
        UNet unet = new UNet(kind.unet(), parameters.at("unet"));
        ClipText text = new ClipText(kind.text(), parameters.at("text_encoder"));
        Captioned.Batch batch = pictures.random(BATCH);
        Tensor clean = batch.latents();
        Tensor times = torch.rand(BATCH)
                .pow(new Scalar(LATENESS))
                .mul(new Scalar(TIMES))
                .to(torch.ScalarType.Long);
        Tensor alpha = alphas.tensor().index_select(0, times);
        Tensor sigma = sigmas.tensor().index_select(0, times);
        Tensor noise = torch.randn_like(clean);
        Tensor noisy = alpha.mul(clean).add(sigma.mul(noise)).contiguous(torch.MemoryFormat.ChannelsLast);
        Tensor wanted = kind.velocity() ? alpha.mul(noise).sub(sigma.mul(clean)) : noise;
        Tensor out = unet.predict(
                noisy,
                times.to(torch.ScalarType.Float),
                new Conditioning(text.encode(batch.ids()).last()));
        Tensor error = out.sub(wanted).square();
        if (!kind.velocity()) {
            // d velocity = d noise / alpha
            error = error.mul(alpha.square().reciprocal().clamp_max(new Scalar(HEAVIEST)));
        }
        return error.mean();
    }

    @Override
    public void close() {
        alphas.close();
        sigmas.close();
    }
}
