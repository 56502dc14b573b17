package org.deltasampling.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.NoLeaks;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(NoLeaks.class)
class DeviceTest {

    @ParameterizedTest
    @CsvSource({"cpu,false,0,cpu", "cuda,true,0,cuda:0", "cuda:3,true,3,cuda:3"})
    void isReadAndWritten(String text, boolean gpu, int number, String written) {
        assertThat(Device.parse(text)).isEqualTo(new Device(gpu, number)).hasToString(written);
        assertThat(Device.parse(written)).isEqualTo(Device.parse(text));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "gpu", "cuda:", "cuda:-1", "cpu:1", "cuda:x"})
    void othersAreRefused(String text) {
        assertThatThrownBy(() -> Device.parse(text)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void nothingIsMovedOnTheProcessor() {
        try (TensorScope scope = TensorScope.open()) {
            Tensor tensor = torch.ones(2);
            assertThat(Device.CPU.to(tensor)).isSameAs(tensor);
        }
        assertThat(Device.CPU.problem()).isEmpty();
    }

    @Test
    void withoutCudaAGpuIsRefusedInASentence() {
        Assumptions.assumeFalse(torch.cuda_is_available(), "this machine has a GPU");
        assertThat(Device.parse("cuda").problem())
                .hasValueSatisfying(
                        problem -> assertThat(problem).contains("CUDA").contains("device: cpu"));
    }
}
