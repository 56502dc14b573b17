package org.deltasampling.image;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Collectors;
import org.deltasampling.recipe.Recipe;
import org.deltasampling.recipe.Recipe.Adapter;
import org.deltasampling.recipe.Recipe.Delta;
import org.deltasampling.recipe.Recipe.Sampling;

/**
 * What A1111 writes under {@code parameters} and image sites read: the prompt, then the negative prompt, then one line of settings
 * and of hashes, by which sites find models. It says of the target what A1111 would say of its only model.
 */
final class ParametersText {

    /** A1111's names of samplers; DEIS is Forge's. Others keep their own. */
    private static final Map<String, String> SAMPLERS = Map.of(
            "ddim", "DDIM",
            "euler", "Euler",
            "euler-ancestral", "Euler a",
            "heun", "Heun",
            "dpmpp-2m", "DPM++ 2M",
            "unipc", "UniPC",
            "lms", "LMS",
            "pndm", "PLMS",
            "deis", "DEIS");

    private static final Map<String, String> SCHEDULES =
            Map.of("karras", "Karras", "normal", "Normal", "exponential", "Exponential", "beta", "Beta");

    /** The length of the hashes that A1111 shows: the beginning of a SHA-256. */
    private static final int HASH = 10;

    private ParametersText() {}

    /** Of an image of that size in pixels. */
    static String of(Provenance provenance, int width, int height) {
        Recipe recipe = provenance.recipe();
        Sampling sampling = recipe.sampling();
        Path model = Objects.requireNonNull(recipe.target().model());
        Map<String, String> settings = new LinkedHashMap<>();
        settings.put("Steps", String.valueOf(sampling.steps()));
        settings.put("Sampler", SAMPLERS.getOrDefault(sampling.sampler(), sampling.sampler()));
        String schedule = SCHEDULES.get(Objects.requireNonNullElse(sampling.schedule(), ""));
        if (schedule != null) { // A1111 has none of the others
            settings.put("Schedule type", schedule);
        }
        settings.put(
                "CFG scale", new BigDecimal(sampling.cfg()).stripTrailingZeros().toPlainString());
        settings.put("Seed", Long.toUnsignedString(sampling.seed()));
        settings.put("Size", width + "x" + height);
        ObjectNode hashes = JsonNodeFactory.instance.objectNode();
        hash(provenance, model).ifPresent(hash -> {
            settings.put("Model hash", hash);
            hashes.put("model", hash);
        });
        settings.put("Model", quoted(title(model)));
        List<String> loras = new ArrayList<>();
        for (Adapter adapter : adapters(recipe)) {
            String title = title(adapter.file()).replaceAll("[:,]", "");
            hash(provenance, adapter.file()).ifPresent(hash -> {
                loras.add(title + ": " + hash);
                hashes.put("lora:" + title, hash);
            });
        }
        if (!loras.isEmpty()) {
            settings.put("Lora hashes", quoted(String.join(", ", loras)));
        }
        settings.put("Version", "delta-sampling");
        if (!hashes.isEmpty()) {
            settings.put("Hashes", hashes.toString());
        }
        String negative = recipe.target().negative();
        return Objects.requireNonNullElse(recipe.target().prompt(), "")
                + (negative == null || negative.isEmpty() ? "" : "\nNegative prompt: " + negative)
                + settings.entrySet().stream()
                        .map(setting -> setting.getKey() + ": " + setting.getValue())
                        .collect(Collectors.joining(", ", "\n", ""));
    }

    private static List<Adapter> adapters(Recipe recipe) {
        List<Adapter> all = new ArrayList<>(recipe.target().adapters());
        for (Delta delta : recipe.deltas()) {
            all.addAll(delta.source().adapters());
            all.addAll(delta.adapted().adapters());
        }
        return all.stream().distinct().toList();
    }

    /** Of a single file; a folder has none. */
    private static Optional<String> hash(Provenance provenance, Path file) {
        return Optional.ofNullable(provenance.files().get(file))
                .map(fingerprint -> fingerprint.sha256().substring(0, HASH));
    }

    /** A file's name without its ending. */
    private static String title(Path file) {
        return String.valueOf(file.getFileName()).replaceFirst("\\.(safetensors|ckpt|pt|pth|bin)$", "");
    }

    /** As A1111 writes a value in which a comma or a colon would end it. */
    private static String quoted(String text) {
        return text.matches("[^,:\n]*")
                ? text
                : JsonNodeFactory.instance.textNode(text).toString();
    }
}
