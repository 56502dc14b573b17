package org.deltasampling.adapter;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.deltasampling.file.Quoted;
import org.deltasampling.model.Architecture;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.JsonFile;
import org.deltasampling.weights.WeightFile;

/**
 * What trainers write into the metadata of adapters, as far as it is of use; nobody vouches for it.
 *
 * @param entries by key, as a message quotes them
 * @param frequentTags of the captions of the training images, with their number, the most frequent first
 * @param claims the families of models that single entries name, by key
 * @param warnings what could not be read
 */
record TrainingMetadata(
        Map<String, String> entries,
        Map<String, Long> frequentTags,
        Map<String, Architecture> claims,
        List<String> warnings) {

    private static final String TRIGGER = "modelspec.trigger_phrase";
    private static final String TAGS = "ss_tag_frequency";
    private static final int MOST_TAGS = 10;

    private static final List<String> KEYS = List.of(
            "modelspec.title",
            "modelspec.author",
            "modelspec.license",
            "modelspec.date",
            TRIGGER,
            "modelspec.usage_hint",
            "modelspec.architecture",
            "modelspec.prediction_type",
            "modelspec.resolution",
            "ss_output_name",
            "ss_network_module",
            "ss_network_dim",
            "ss_network_alpha",
            "ss_network_args",
            "ss_sd_model_name",
            "ss_base_model_version",
            "ss_v2",
            "ss_resolution",
            "ss_clip_skip",
            "ss_training_comment",
            "sshs_model_hash");

    /** How the values of the keys that name a family begin. */
    private static final Map<String, Map<String, Architecture>> FAMILIES = Map.of(
            "ss_base_model_version",
            Map.of(
                    "sd_v1", Architecture.SD1,
                    "sd_1", Architecture.SD1,
                    "sd_v2", Architecture.SD2,
                    "sdxl", Architecture.SDXL,
                    "sd3", Architecture.SD3,
                    "sd_3", Architecture.SD3),
            "modelspec.architecture",
            Map.of(
                    "stable-diffusion-v1", Architecture.SD1,
                    "stable-diffusion-v2", Architecture.SD2,
                    "stable-diffusion-xl", Architecture.SDXL,
                    "stable-diffusion-3", Architecture.SD3,
                    "stable-diffusion-v3", Architecture.SD3),
            "ss_v2",
            Map.of("true", Architecture.SD2));

    /** That of {@code file}; nothing is thrown. */
    static TrainingMetadata of(WeightFile file) {
        Map<String, String> entries = new LinkedHashMap<>();
        Map<String, Architecture> claims = new LinkedHashMap<>();
        for (String key : KEYS) {
            String value = file.metadata().getOrDefault(key, "");
            if (!value.isBlank() && !value.equals("None")) {
                entries.put(key, Quoted.of(value));
                family(key, value).ifPresent(family -> claims.put(key, family));
            }
        }
        List<String> warnings = new ArrayList<>();
        Map<String, Long> tags = Map.of();
        try {
            String text = file.metadata().get(TAGS);
            tags = text == null ? tags : frequent(JsonFile.parse(text, "the " + TAGS + " of " + file.path()));
        } catch (BadWeightsException e) {
            warnings.add(e.getMessage());
        }
        return new TrainingMetadata(entries, tags, claims, warnings);
    }

    private static Optional<Architecture> family(String key, String value) {
        String lower = value.toLowerCase(Locale.ROOT);
        return FAMILIES.getOrDefault(key, Map.of()).entrySet().stream()
                .filter(start -> lower.startsWith(start.getKey()))
                .map(Map.Entry::getValue)
                .findFirst();
    }

    /** @param folders of images, each with its tags and their numbers */
    private static Map<String, Long> frequent(JsonNode folders) {
        Map<String, Long> all = new TreeMap<>();
        for (JsonNode tags : folders) {
            tags.properties().stream()
                    .filter(tag ->
                            tag.getValue().canConvertToInt() && tag.getValue().intValue() > 0)
                    .forEach(tag -> all.merge(
                            Quoted.of(tag.getKey().strip()), tag.getValue().longValue(), Long::sum));
        }
        Map<String, Long> frequent = new LinkedHashMap<>();
        all.entrySet().stream()
                .filter(tag -> !tag.getKey().isEmpty())
                .sorted(Map.Entry.<String, Long>comparingByValue(Comparator.reverseOrder()))
                .limit(MOST_TAGS)
                .forEach(tag -> frequent.put(tag.getKey(), tag.getValue()));
        return frequent;
    }

    /** What its author names as the trigger, else the most frequent tags. */
    List<String> triggerWords() {
        String phrase = entries.get(TRIGGER);
        return phrase != null ? List.of(phrase) : List.copyOf(frequentTags.keySet());
    }
}
