package org.deltasampling.adapter;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/** The table of the kinds of adapters: a new one is a class and a row in {@link #ALL}. */
final class AdapterKinds {

    /** Those that are applied. */
    static final List<AdapterKind> ALL = Stream.concat(
                    Stream.of(
                            LowRank.KIND,
                            DynamicRank.KIND,
                            Hadamard.KIND,
                            Kronecker.KIND,
                            GeneralLowRank.KIND,
                            Scaling.KIND,
                            BlockRotation.KIND,
                            ButterflyRotation.KIND,
                            Replacement.KIND),
                    FullDifference.KINDS.stream())
            .toList();

    /** Parts of tensor names that show a kind that is refused by name, rather than as a list of unknown tensors. */
    private static final Map<String, String> REFUSED = new TreeMap<>(Map.ofEntries(
            Map.entry(".boft_R.", "BOFT as PEFT saves it"),
            Map.entry(".boft_s.", "BOFT as PEFT saves it"),
            Map.entry(".dora_scale.", "DoRA on another kind than LoRA, LoHa, LoKr and GLoRA"),
            Map.entry(".ia3_l.", "(IA)^3 as PEFT saves it"),
            Map.entry(".lora_embedding_", "LoRA of a token embedding"),
            Map.entry(".lora_magnitude_vector.", "DoRA on another kind than LoRA, LoHa, LoKr and GLoRA"),
            Map.entry(".oft_R.", "OFT as PEFT saves it"),
            Map.entry(".oft_r.", "OFT as PEFT saves it"),
            Map.entry(".reshape_weight.", "LoRA that enlarges weights"),
            Map.entry(".vera_lambda_", "VeRA")));

    private AdapterKinds() {}

    /** The kind that is not applied and of which the name of a tensor is a sign. */
    static Optional<String> refused(String tensor) {
        return REFUSED.entrySet().stream()
                .filter(kind -> (tensor + ".").contains(kind.getKey()))
                .map(Map.Entry::getValue)
                .findFirst();
    }
}
