package org.deltasampling.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.NoLeaks;
import org.deltasampling.TensorAssert;
import org.deltasampling.nn.Conv2d;
import org.deltasampling.nn.Linear;
import org.deltasampling.tensor.TensorScope;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(NoLeaks.class)
class LoopTest {

    @TempDir
    Path folder;

    private final List<String> log = new ArrayList<>();

    private Loop loop(int steps) {
        return new Loop("line", steps, 0.05, 0.9, 1, folder, log::add);
    }

    private static Trainable line() {
        torch.manual_seed(4);
        return Trainable.initialised(p -> Linear.of(p.at("line"), 3, 1));
    }

    /** Learns y = x1 - 2 x2 + 3 x3 + 4. */
    private static IntFunction<Tensor> loss(Trainable model) {
        Linear line = Linear.of(model.at("line"), 3, 1);
        return step -> {
            Tensor x = torch.randn(16, 3);
            Tensor y = x.mm(torch.tensor(1f, -2f, 3f).view(3, 1)).add(torch.tensor(4f));
            return torch.mse_loss(line.apply(x), y);
        };
    }

    @Test
    void learnsALine() {
        try (Trainable model = line()) {
            loop(800).run(model, loss(model));
            try (TensorScope scope = TensorScope.open()) {
                TensorAssert.assertThat(model.load("line.weight"))
                        .isCloseTo(torch.tensor(1f, -2f, 3f).view(1, 3), 0.02);
                TensorAssert.assertThat(model.load("line.bias"))
                        .isCloseTo(torch.tensor(4f).view(1), 0.02);
            }
        }
        assertThat(log).last().asString().startsWith("line: step 800 of 800, loss 0.0");
    }

    @Test
    void goesOnFromItsCheckpoint() {
        try (Trainable whole = line();
                Trainable interrupted = line();
                Trainable resumed = line()) {
            loop(600).run(whole, loss(whole));
            delete();
            IntFunction<Tensor> loss = loss(interrupted);
            IntFunction<Tensor> failing = step -> {
                if (step == 350) {
                    throw new IllegalStateException("power cut");
                }
                return loss.apply(step);
            };
            assertThat(catchThrowable(() -> loop(600).run(interrupted, failing)))
                    .hasMessage("power cut");
            loop(600).run(resumed, loss(resumed));
            try (TensorScope scope = TensorScope.open()) {
                TensorAssert.assertThat(resumed.values()).isSameAs(whole.values());
            }
        }
    }

    private void delete() {
        assertThat(folder.resolve("line.checkpoint.safetensors").toFile().delete())
                .isTrue();
        assertThat(Files.exists(folder.resolve("line.checkpoint.safetensors"))).isFalse();
    }

    @Test
    void gradientsArriveInTheFlatTensor() {
        torch.manual_seed(1);
        try (Trainable model = Trainable.initialised(p -> Conv2d.same(p.at("conv"), 2, 4, 3));
                TensorScope scope = TensorScope.recording()) {
            Conv2d conv = Conv2d.same(model.at("conv"), 2, 4, 3);
            conv.apply(torch.randn(1, 2, 8, 8)).sum().backward();
            Tensor bias = model.gradients().narrow(0, 72, 4);
            TensorAssert.assertThat(bias).isCloseTo(torch.full(new long[] {4}, new Scalar(64f)), 1e-6);
            TensorAssert.assertThat(model.load("conv.weight")).hasShape(4, 2, 3, 3);
        }
    }
}
