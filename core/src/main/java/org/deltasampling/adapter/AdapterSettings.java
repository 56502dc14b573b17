package org.deltasampling.adapter;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.OptionalDouble;
import org.deltasampling.file.Quoted;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.JsonFile;
import org.deltasampling.weights.WeightFile;

/**
 * PEFT's settings of a low-rank adapter, by which its file is scaled where it holds no alphas.
 *
 * @param origin where they are, for messages
 */
record AdapterSettings(JsonNode config, String origin) {

    /**
     * Those in the metadata of {@code file}, where diffusers writes them, or in the adapter_config.json beside it, where PEFT
     * does; a file of another key format has none.
     *
     * @throws BadWeightsException if they cannot be read
     */
    static AdapterSettings of(WeightFile file) {
        String inside = file.metadata().get("lora_adapter_metadata");
        if (inside != null) {
            String origin = "the lora_adapter_metadata of " + file.path();
            return new AdapterSettings(JsonFile.parse(inside, origin), origin);
        }
        Path beside = file.path().resolveSibling("adapter_config.json");
        boolean peft = file.names().stream().anyMatch(n -> n.contains(".lora_A.") || n.startsWith("base_model.model."));
        return peft && Files.exists(beside)
                ? new AdapterSettings(JsonFile.read(beside), beside.toString())
                : new AdapterSettings(MissingNode.getInstance(), "");
    }

    /**
     * What the product of the factors of one module is multiplied by.
     *
     * @param part of the model, by its name in {@code model.Checkpoint.parts}
     * @param module its canonical name in that part
     * @param ownAlpha the module's own alpha, if its file has one; else the settings' is taken, else the rank
     * @throws BadWeightsException if a setting is not a finite number
     */
    double scale(String part, String module, long rank, OptionalDouble ownAlpha) {
        if (ownAlpha.isPresent()) {
            return ownAlpha.getAsDouble() / rank;
        }
        double ofLoHa = number(setting(part, "alpha"), "alpha", (double) rank); // and of LoKr
        double alpha = number(setting(part, "lora_alpha"), "lora_alpha", ofLoHa);
        for (Map.Entry<String, JsonNode> own : setting(part, "alpha_pattern").properties()) {
            if (module.equals(own.getKey()) || module.endsWith("." + own.getKey())) {
                alpha = number(own.getValue(), own.getKey(), alpha);
            }
        }
        return alpha / (setting(part, "use_rslora").asBoolean() ? Math.sqrt((double) rank) : (double) rank);
    }

    private JsonNode setting(String part, String key) {
        String inPart = part + "." + key;
        return config.has(inPart) ? config.get(inPart) : config.path(key);
    }

    private double number(JsonNode node, String key, double other) {
        if (node.isMissingNode() || node.isNull()) {
            return other;
        }
        if (!node.isNumber() || !Double.isFinite(node.doubleValue())) {
            throw new BadWeightsException("%s of %s must be a finite number, but is %s"
                    .formatted(Quoted.of(key), origin, Quoted.of(node.toString())));
        }
        return node.doubleValue();
    }
}
