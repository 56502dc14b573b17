package org.deltasampling.train;

import static org.assertj.core.api.Assertions.assertThat;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.NoLeaks;
import org.deltasampling.TensorAssert;
import org.deltasampling.nn.Conv2d;
import org.deltasampling.nn.GroupNorm;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.TensorScope;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NoLeaks.class)
class TrainableParametersTest {

    private static void declare(Parameters p) {
        Conv2d.same(p.at("conv"), 2, 4, 3);
        GroupNorm.of(p.at("norm"), 4, new GroupNorm.Groups(2, 1e-5));
        p.get("conv.lora_up.weight", 4, 2);
    }

    @Test
    void gradientsArriveInTheFlatTensor() {
        try (TrainableParameters model = TrainableParameters.initialised(TrainableParametersTest::declare);
                TensorScope scope = TensorScope.recording()) {
            Conv2d conv = Conv2d.same(model.at("conv"), 2, 4, 3);
            conv.apply(torch.randn(1, 2, 8, 8)).sum().backward();
            Tensor bias = model.gradients().narrow(0, 72, 4);
            TensorAssert.assertThat(bias).isCloseTo(torch.full(new long[] {4}, new Scalar(64f)), 1e-6);
            TensorAssert.assertThat(model.load("conv.weight")).hasShape(4, 2, 3, 3);
        }
    }

    @Test
    void startsAsPyTorchsLayersDo() {
        torch.manual_seed(1);
        try (TrainableParameters model = TrainableParameters.initialised(TrainableParametersTest::declare);
                TensorScope scope = TensorScope.open()) {
            double bound = 1 / Math.sqrt(2 * 3 * 3);
            for (String name : new String[] {"conv.weight", "conv.bias"}) {
                double largest = model.load(name).abs().max().item_double();
                assertThat(largest).as(name).isBetween(0.3 * bound, bound);
            }
            TensorAssert.assertThat(model.load("norm.weight")).isSameAs(torch.ones(4));
            TensorAssert.assertThat(model.load("norm.bias")).isSameAs(torch.zeros(4));
            TensorAssert.assertThat(model.load("conv.lora_up.weight")).isSameAs(torch.zeros(4, 2));
        }
    }

    @Test
    void startsFromOtherParameters() {
        torch.manual_seed(1);
        try (TrainableParameters model = TrainableParameters.initialised(TrainableParametersTest::declare);
                TrainableParameters copy = TrainableParameters.startingFrom(model, TrainableParametersTest::declare);
                TensorScope scope = TensorScope.open()) {
            TensorAssert.assertThat(copy.values()).isSameAs(model.values());
            assertThat(copy.count()).isEqualTo(72 + 4 + 4 + 4 + 8);
        }
    }
}
