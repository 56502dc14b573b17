package org.deltasampling.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.NoLeaks;
import org.deltasampling.TensorAssert;
import org.deltasampling.nn.Linear;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.SafetensorsWriter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(NoLeaks.class)
class TrainingLoopTest {

    @TempDir
    Path folder;

    private final List<String> log = new ArrayList<>();

    private TrainingLoop loop(int steps) {
        return new TrainingLoop("line", steps, 0.05, 0.9, 1, folder, log::add);
    }

    private Path checkpoint() {
        return folder.resolve("line.checkpoint.safetensors");
    }

    private static TrainableParameters line() {
        torch.manual_seed(4);
        return TrainableParameters.initialised(p -> Linear.of(p.at("line"), 3, 1));
    }

    /** Learns y = x1 - 2 x2 + 3 x3 + 4. */
    private static IntFunction<Tensor> loss(TrainableParameters model) {
        Linear line = Linear.of(model.at("line"), 3, 1);
        return step -> {
            Tensor x = torch.randn(16, 3);
            Tensor y = x.mm(torch.tensor(1f, -2f, 3f).view(3, 1)).add(torch.tensor(4f));
            return torch.mse_loss(line.apply(x), y);
        };
    }

    @Test
    void learnsALine() {
        try (TrainableParameters model = line()) {
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
    void resumesFromItsCheckpoint() throws Exception {
        try (TrainableParameters whole = line();
                TrainableParameters interrupted = line();
                TrainableParameters resumed = line()) {
            loop(600).run(whole, loss(whole));
            Files.delete(checkpoint());
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

    @Test
    void refusesTheCheckpointOfAnotherTraining() {
        try (TrainableParameters model = line();
                TrainableParameters wider = TrainableParameters.initialised(p -> Linear.of(p.at("line"), 4, 1))) {
            loop(2).run(model, loss(model));
            assertThatThrownBy(() -> loop(2).run(wider, loss(model)))
                    .isInstanceOf(BadWeightsException.class)
                    .hasMessageContaining(
                            "line.checkpoint.safetensors is not a checkpoint of this training: delete it");
        }
    }

    @Test
    void refusesACheckpointThatDoesNotSayItsStep() {
        try (TrainableParameters model = line()) {
            try (TensorScope scope = TensorScope.open()) {
                Tensor values = model.values();
                SafetensorsWriter.write(
                        checkpoint(), Map.of("values", values, "mean", values, "square", values, "average", values));
            }
            assertThatThrownBy(() -> loop(2).run(model, loss(model)))
                    .isInstanceOf(BadWeightsException.class)
                    .hasMessageContaining("is not a checkpoint of this training");
        }
    }

    @Test
    void endsWhereTheGradientIsNotFinite() {
        try (TrainableParameters model = line()) {
            IntFunction<Tensor> loss = loss(model);
            assertThatThrownBy(() -> loop(10).run(
                                    model,
                                    step -> loss.apply(step).mul(new Scalar(step == 2 ? Double.POSITIVE_INFINITY : 1))))
                    .isInstanceOf(TrainingException.class)
                    .hasMessageContaining("not a finite number at step 3; lower the learning rate");
        }
    }
}
