package org.deltasampling.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.model.Backbone;
import org.deltasampling.model.Conditioning;
import org.deltasampling.model.mmdit.Blocks;
import org.deltasampling.model.mmdit.MMDiT;
import org.deltasampling.model.mmdit.Patches;
import org.deltasampling.model.unet.EncoderConfig;
import org.deltasampling.model.unet.UNet;
import org.deltasampling.model.vae.AutoencoderKl;
import org.deltasampling.nn.GroupNorm;
import org.deltasampling.nn.Parameters;
import org.deltasampling.nn.SinusoidalEmbedding;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.TensorScope;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What plans reckon that networks need while they compute, against what the system counts: in a process of its own, since
 * what earlier tests gave back to the allocator would be used again, and not be counted.
 */
class WorkingMemoryTest {

    /** What the allocator of the system may keep back or find again from one time to the next. */
    private static final long ALLOCATOR = 64L << 20;

    private static final Parameters CONSTANT =
            (name, shape) -> torch.full(shape, new Scalar(name.contains("norm") ? 1.0 : 0.01));

    private enum Case {
        AUTOENCODER {
            @Override
            String measure() {
                AutoencoderKl.Config c = new AutoencoderKl.Config(
                        new AutoencoderKl.Config.Latents(4, 0.18215, 0, true, true),
                        List.of(64L, 128L, 128L, 128L),
                        2,
                        32,
                        true);
                AutoencoderKl autoencoder = new AutoencoderKl(c, CONSTANT);
                Tensor latent = torch.randn(1, 4, 48, 48);
                return measured(() -> autoencoder.decode(new Latent(latent)).tensor(), 4 * c.decoding(384, 384));
            }
        },
        UNET {
            @Override
            String measure() {
                return measured(
                        new UNet.Config(
                                new EncoderConfig(
                                        4,
                                        List.of(
                                                new EncoderConfig.Level(128, true, 1, 4),
                                                new EncoderConfig.Level(256, true, 1, 8)),
                                        2,
                                        64,
                                        false,
                                        new GroupNorm.Groups(32, 1e-5),
                                        new SinusoidalEmbedding(true, 0),
                                        null),
                                List.of(true, true),
                                4),
                        64,
                        new Conditioning(torch.randn(2, 77, 64)));
            }
        },
        TRANSFORMER {
            @Override
            String measure() {
                return measured(
                        new MMDiT.Config(new Patches(16, 16, 2, 64), new Blocks(3, 512, 8, true, List.of()), 128, 64),
                        112,
                        new Conditioning(torch.randn(2, 333, 128), torch.randn(2, 64)));
            }
        };

        abstract String measure();
    }

    @ParameterizedTest
    @EnumSource
    void isWhatTheSystemCounts(Case of) throws IOException {
        Assumptions.assumeTrue(
                MachineMemory.resident().isPresent(), "this system does not say what a process has in memory");
        ProcessBuilder builder = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        WorkingMemoryTest.class.getName(),
                        of.name())
                .redirectError(ProcessBuilder.Redirect.INHERIT);
        // glibc's: what is larger goes back to the system when it is freed, and is counted when it is asked for again
        builder.environment().put("MALLOC_MMAP_THRESHOLD_", "65536");
        Process process = builder.start();
        String[] figures;
        try (BufferedReader said = process.inputReader()) {
            figures = String.valueOf(said.readLine()).split(" ", -1);
        }
        double measured = Double.parseDouble(figures[0]);
        double reckoned = Double.parseDouble(figures[1]);
        assertThat(measured).isBetween(0.75 * reckoned, 1.1 * reckoned + ALLOCATOR);
    }

    /** Prints the most memory that the case named first takes, beyond that before it, and what is reckoned, in bytes. */
    public static void main(String[] names) {
        try (TensorScope scope = TensorScope.open()) {
            System.out.println(Case.valueOf(names[0]).measure());
        }
    }

    private static String measured(Backbone.Config c, long side, Conditioning told) {
        Backbone network = c.network(CONSTANT);
        Tensor x = torch.randn(2, c.inChannels(), side, side);
        Tensor time = torch.ones(2);
        return measured(() -> network.predict(x, time, told), 2 * 4 * c.working(side, side));
    }

    private static String measured(Runnable work, long reckoned) {
        try (TensorScope warm = TensorScope.open()) {
            work.run(); // for what a first computation leaves behind
        }
        long before = MachineMemory.resident().orElseThrow();
        MachineMemory.forgetPeak();
        try (TensorScope scope = TensorScope.open()) {
            work.run();
        }
        return MachineMemory.peak().orElseThrow() - before + " " + reckoned;
    }
}
