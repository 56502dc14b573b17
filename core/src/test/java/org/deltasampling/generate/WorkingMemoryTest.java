package org.deltasampling.generate;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.OptionalLong;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.NoLeaks;
import org.deltasampling.model.Backbone;
import org.deltasampling.model.Conditioning;
import org.deltasampling.model.mmdit.MMDiT;
import org.deltasampling.model.unet.UNet;
import org.deltasampling.model.vae.AutoencoderKl;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.TensorScope;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** What plans reckon that networks need while they compute, against what the system counts. */
@ExtendWith(NoLeaks.class)
class WorkingMemoryTest {

    /** What the allocator of the system may keep back or find again from one time to the next. */
    private static final long ALLOCATOR = 64L << 20;

    private static final Parameters CONSTANT =
            (name, shape) -> torch.full(shape, new Scalar(name.contains("norm") ? 1.0 : 0.01));

    /** The most memory while {@code work} runs, beyond that before it. */
    private static long measured(Runnable work) {
        try (TensorScope warm = TensorScope.open()) {
            work.run(); // for what a first computation leaves behind
        }
        OptionalLong before = MachineMemory.resident();
        Assumptions.assumeTrue(before.isPresent(), "this system does not say what a process has in memory");
        MachineMemory.forgetPeak();
        try (TensorScope scope = TensorScope.open()) {
            work.run();
        }
        return MachineMemory.peak().orElseThrow() - before.getAsLong();
    }

    private static void compare(long measured, long reckoned) {
        assertThat((double) measured).isBetween(0.5 * reckoned, 1.1 * reckoned + ALLOCATOR);
    }

    @Test
    void ofAnAutoencoder() {
        AutoencoderKl.Config c =
                new AutoencoderKl.Config(3, 4, List.of(64L, 128L, 128L, 128L), 2, 32, true, true, true, 0.18215, 0);
        try (TensorScope scope = TensorScope.open()) {
            AutoencoderKl autoencoder = new AutoencoderKl(c, CONSTANT);
            Tensor latent = torch.randn(1, 4, 48, 48);
            compare(measured(() -> autoencoder.decode(latent)), 4 * c.decoding(384, 384));
        }
    }

    private static void compare(Backbone.Config c, long side, Conditioning told) {
        try (TensorScope scope = TensorScope.open()) {
            Backbone network = c.network(CONSTANT);
            Tensor x = torch.randn(2, c.inChannels(), side, side);
            Tensor time = torch.ones(2);
            compare(measured(() -> network.predict(x, time, told)), 2 * 4 * c.working(side, side));
        }
    }

    @Test
    void ofAUnet() {
        try (TensorScope scope = TensorScope.open()) {
            compare(
                    new UNet.Config(
                            4,
                            4,
                            List.of(128L, 256L),
                            List.of(true, true),
                            List.of(true, true),
                            2,
                            List.of(1L, 1L),
                            List.of(4L, 8L),
                            64,
                            false,
                            32,
                            1e-5,
                            true,
                            0,
                            0,
                            0),
                    64,
                    new Conditioning(torch.randn(2, 77, 64)));
        }
    }

    @Test
    void ofATransformer() {
        try (TensorScope scope = TensorScope.open()) {
            compare(
                    new MMDiT.Config(16, 16, 2, 3, 8, 512, 128, 64, 64, true, List.of()),
                    112,
                    new Conditioning(torch.randn(2, 333, 128), torch.randn(2, 64)));
        }
    }
}
