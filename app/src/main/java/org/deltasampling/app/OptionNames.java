package org.deltasampling.app;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The options of the command line by the recipe's keys. Messages of the library name keys; here, and nowhere else, each is given
 * the option that says the same.
 */
final class OptionNames {

    private static final Map<String, String> OPTIONS = new LinkedHashMap<>();

    static {
        role("target", "", "--target");
        role("deltas[].source", "source-", "--source");
        role("deltas[].adapted", "adapted-", "--adapted");
        OPTIONS.put("target.adapters", "--lora");
        OPTIONS.put("target.prompt", "--target-prompt");
        OPTIONS.put("target.negative", "--target-negative");
        OPTIONS.put("target.device", "--target-device");
        OPTIONS.put("deltas[].adapted.adapters", "--lora");
        OPTIONS.put("deltas[].lambda", "--lambda");
        OPTIONS.put("deltas[].lambda.schedule", "--lambda-schedule");
        for (String ofDelta : new String[] {"bridge", "levels", "source-size"}) {
            OPTIONS.put("deltas[]." + ofDelta, "--" + ofDelta);
        }
        for (String ofSampling :
                new String[] {"sampler", "schedule", "steps", "cfg", "seed", "size", "batch", "precision", "noise"}) {
            OPTIONS.put("sampling." + ofSampling, "--" + ofSampling);
        }
        OPTIONS.put("output.image", "--output");
        OPTIONS.put("output.latents", "--latents");
        OPTIONS.put("give the folder that it is in", "--models");
    }

    private static final Pattern KEYS =
            Pattern.compile("give the folder that it is in|[a-z][a-z\\d]*(?:\\[\\d*])?(?:\\.[a-z\\d-]+)+");

    private OptionNames() {}

    private static void role(String key, String prefix, String model) {
        OPTIONS.put(key + ".model", model);
        for (String each :
                new String[] {"prompt", "negative", "vae", "prediction", "zero-snr", "scheduler", "device"}) {
            OPTIONS.put(key + "." + each, "--" + prefix + each);
        }
        OPTIONS.put(key + ".t5-tokenizer", "--t5-tokenizer");
    }

    /** {@code sentence} with the option after each key that it names, where there is one: {@code target.model (--target)}. */
    static String added(String sentence) {
        return KEYS.matcher(sentence).replaceAll(found -> {
            String option = OPTIONS.get(found.group().replaceAll("\\[\\d+]", "[]"));
            return Matcher.quoteReplacement(option == null ? found.group() : found.group() + " (" + option + ")");
        });
    }
}
