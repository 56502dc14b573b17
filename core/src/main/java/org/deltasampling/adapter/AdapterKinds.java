package org.deltasampling.adapter;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** The table of the kinds of adapters: a new one is a class and a row in {@link #ALL}. */
final class AdapterKinds {

    /** Those that are applied. */
    static final List<AdapterKind> ALL = List.of(LowRank.KIND);

    /** Parts of tensor names that show a kind that is refused by name, rather than as a list of unknown tensors. */
    private static final Map<String, String> REFUSED = new TreeMap<>(Map.ofEntries(
            Map.entry(".hada_", "LoHa"),
            Map.entry(".lokr_", "LoKr"),
            Map.entry(".oft_", "OFT"),
            Map.entry(".a1.weight", "GLoRA"),
            Map.entry(".on_input", "IA3"),
            Map.entry(".lora_mid.", "LoCon with a Tucker core"),
            Map.entry(".dora_scale", "DoRA"),
            Map.entry(".lora_magnitude_vector", "DoRA"),
            Map.entry(".diff.", "full difference"),
            Map.entry(".diff_b.", "full difference"),
            Map.entry(".w_norm", "norm difference")));

    private AdapterKinds() {}

    /** The kind that is not applied yet and of which the name of a tensor is a sign. */
    static Optional<String> refused(String tensor) {
        return REFUSED.entrySet().stream()
                .filter(kind -> (tensor + ".").contains(kind.getKey()))
                .map(Map.Entry::getValue)
                .findFirst();
    }
}
