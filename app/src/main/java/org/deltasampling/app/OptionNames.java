package org.deltasampling.app;

import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The options of the command line by the recipe's keys. Messages of the library name keys, and here, nowhere else, each gets the
 * option that says the same.
 */
final class OptionNames {

    private static final Map<String, String> OPTIONS = new LinkedHashMap<>();

    static {
        role("target", "--target", "--");
        role("deltas[].source", "--source", "--source-");
        role("deltas[].adapted", "--adapted", "--source-");
        OPTIONS.put("target.adapters", "--lora");
        OPTIONS.put("deltas[].adapted.adapters", "--lora");
        OPTIONS.put("device: cpu", "--device cpu");
        OPTIONS.put("deltas[].lambda", "--lambda");
        OPTIONS.put("deltas[].lambda.schedule", "--lambda-schedule");
        for (String ofDelta : new String[] {"bridge", "levels", "source-size"}) {
            OPTIONS.put("deltas[]." + ofDelta, "--" + ofDelta);
        }
        for (String ofSampling :
                new String[] {"sampler", "schedule", "steps", "cfg", "seed", "size", "batch", "precision", "noise"}) {
            OPTIONS.put("sampling." + ofSampling, "--" + ofSampling);
        }
        for (String unlikeOtherWords : new String[] {"t5-tokenizer", "source-size", "zero-snr"}) {
            OPTIONS.put(unlikeOtherWords, "--" + unlikeOtherWords);
        }
        OPTIONS.put("preset: reference", "--preset");
        OPTIONS.put("output.image", "--output");
        OPTIONS.put("output.latents", "--latents");
        OPTIONS.put("a delta's bridge", "--bridge");
        OPTIONS.put("another prediction", "--prediction");
        OPTIONS.put("another sampler", "--sampler");
        OPTIONS.put("another scheduler", "--scheduler");
        // not keys of a recipe, but matters of the machine and of its files
        OPTIONS.put("allow more memory", "--memory");
        OPTIONS.put("give the folder that it is in", "--models");
        OPTIONS.put("say that it may be overwritten", "--overwrite");
    }

    private static final Pattern KEYS = Pattern.compile(OPTIONS.keySet().stream()
            .sorted(Comparator.comparing(String::length).reversed())
            .map(key -> Pattern.quote(key).replace("[]", "\\E\\[\\d*]\\Q"))
            .collect(Collectors.joining("|", "(?<![\\w.\\]/-])(?:", ")(?![\\w/-]|\\.\\w)")));

    private OptionNames() {}

    private static void role(String key, String model, String overrides) {
        OPTIONS.put(key + ".model", model);
        for (String own : new String[] {"prompt", "negative", "device"}) {
            OPTIONS.put(key + "." + own, model + "-" + own);
        }
        for (String override : new String[] {"vae", "prediction", "zero-snr", "scheduler"}) {
            OPTIONS.put(key + "." + override, overrides + override);
        }
        OPTIONS.put(key + ".t5-tokenizer", "--t5-tokenizer");
    }

    /** All that may be added. */
    static Collection<String> options() {
        return OPTIONS.values();
    }

    /** {@code sentence} with the option after each key that it names: {@code target.model (--target)}. */
    static String added(String sentence) {
        return KEYS.matcher(sentence)
                .replaceAll(key -> Matcher.quoteReplacement(
                        "%s (%s)".formatted(key.group(), OPTIONS.get(key.group().replaceAll("\\[\\d+]", "[]")))));
    }
}
