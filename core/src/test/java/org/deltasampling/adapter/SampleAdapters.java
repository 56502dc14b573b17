package org.deltasampling.adapter;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** Adapters of every kind and form, with random numbers, for one linear layer. */
public final class SampleAdapters {

    private SampleAdapters() {}

    /**
     * One adapter: the tensors of a module, by what follows its name.
     *
     * @param title what a summary calls it
     */
    public record Sample(String title, Map<String, Tensor> tensors) {

        private static Sample of(String title, Object... suffixesAndTensors) {
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            for (int i = 0; i < suffixesAndTensors.length; i += 2) {
                tensors.put((String) suffixesAndTensors[i], (Tensor) suffixesAndTensors[i + 1]);
            }
            return new Sample(title, tensors);
        }

        private Sample with(String title, String suffix, Tensor tensor) {
            Map<String, Tensor> more = new LinkedHashMap<>(tensors);
            more.put(suffix, tensor);
            return new Sample(title, more);
        }

        /** Its tensors under the names of {@code module}. */
        public Map<String, Tensor> named(String module) {
            Map<String, Tensor> named = new LinkedHashMap<>();
            tensors.forEach((suffix, tensor) -> named.put(module + suffix, tensor));
            return named;
        }
    }

    /** Those that change each row of a weight (out, in) for itself; {@code in} is even and {@code out} a multiple of 4. */
    public static List<Sample> ofRows(long out, long in) {
        Tensor alpha = number(1.5);
        Sample lora = Sample.of(
                "LoRA", ".lora_down.weight", random(3, in), ".lora_up.weight", random(out, 3), ".alpha", alpha);
        Sample loha = Sample.of(
                "LoHa",
                ".hada_w1_a",
                random(out, 3),
                ".hada_w1_b",
                random(3, in),
                ".hada_w2_a",
                random(out, 3),
                ".hada_w2_b",
                random(3, in),
                ".alpha",
                alpha);
        Sample lokr = Sample.of("LoKr", ".lokr_w1", random(4, 2), ".lokr_w2", random(out / 4, in / 2), ".alpha", alpha);
        Sample glora = Sample.of(
                "GLoRA",
                ".a1.weight",
                random(in, 3),
                ".a2.weight",
                random(3, in),
                ".b1.weight",
                random(out, 3),
                ".b2.weight",
                random(3, in),
                ".alpha",
                alpha);
        List<Sample> samples = new ArrayList<>(List.of(lora, loha, lokr, glora));
        for (Sample sample : List.of(lora, loha, lokr, glora)) {
            samples.add(sample.with(
                    sample.title() + " with DoRA", ".dora_scale", random(out, 1).abs()));
        }
        samples.add(lora.with(
                "LoRA with DoRA", ".lora_magnitude_vector", random(out).abs()));
        samples.add(Sample.of(
                "LoKr",
                ".lokr_w1_a",
                random(4, 1),
                ".lokr_w1_b",
                random(1, 2),
                ".lokr_w2_a",
                random(out / 4, 3),
                ".lokr_w2_b",
                random(3, in / 2),
                ".alpha",
                alpha));
        samples.add(Sample.of(
                "GLoRA",
                ".a1.weight",
                random(3, in),
                ".a2.weight",
                random(in, 3),
                ".b1.weight",
                random(3, in),
                ".b2.weight",
                random(out, 3),
                ".alpha",
                alpha));
        samples.add(Sample.of(
                "DyLoRA",
                ".lora_A.0",
                random(1, in),
                ".lora_A.1",
                random(1, in),
                ".lora_B.0",
                random(out, 1),
                ".lora_B.1",
                random(out, 1),
                ".alpha",
                alpha));
        samples.add(Sample.of("(IA)^3", ".weight", random(out), ".on_input", number(0)));
        samples.add(Sample.of("(IA)^3", ".weight", random(in), ".on_input", number(1)));
        samples.add(Sample.of("full difference", ".diff", random(out, in)));
        samples.add(Sample.of("replaced weight", ".set_weight", random(out, in)));
        return samples;
    }

    /** Those that mix the rows of a weight (out, in); {@code out} is a multiple of 8. */
    public static List<Sample> ofLayers(long out, long in) {
        Sample oft = Sample.of("OFT", ".oft_blocks", random(out / 4, 4, 4), ".alpha", number(0));
        Sample boft = Sample.of("BOFT", ".oft_blocks", random(2, out / 4, 4, 4), ".alpha", number(0));
        return List.of(
                oft,
                oft.with("OFT with rescaling", ".rescale", random(out, 1)),
                Sample.of("OFT", ".oft_diag", random(out / 4, 4, 4)),
                boft,
                boft.with("BOFT with rescaling", ".rescale", random(out, 1)),
                inputDora(out, in));
    }

    /** A LoRA with a magnitude for each column. */
    public static Sample inputDora(long out, long in) {
        return Sample.of(
                "LoRA with DoRA",
                ".lora_down.weight",
                random(3, in),
                ".lora_up.weight",
                random(out, 3),
                ".dora_scale",
                random(1, in).abs());
    }

    private static Tensor random(long... shape) {
        return torch.randn(shape).mul(new Scalar(0.3));
    }

    private static Tensor number(double value) {
        return torch.scalar_tensor(new Scalar(value));
    }
}
