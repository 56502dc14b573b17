package org.deltasampling.sampling;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.deltasampling.diffusion.SigmaSpacing;
import org.deltasampling.diffusion.Spacing;
import org.jspecify.annotations.Nullable;

/**
 * How a user asks for the steps to be placed: a spacing of timesteps, one of sigmas, or both, as diffusers has them for the
 * sampler; or ComfyUI's {@code normal}.
 *
 * @param spacing null: what the model's config asks for, else the sampler's
 * @param sigmas null: they follow the timesteps
 */
record Schedule(@Nullable Spacing spacing, @Nullable SigmaSpacing sigmas, boolean normal) {

    private static final Map<String, Schedule> BY_NAME = byName();

    /** The names of all schedules. */
    static List<String> names() {
        return List.copyOf(BY_NAME.keySet());
    }

    /** The schedule of that name, null if there is none. */
    static @Nullable Schedule of(String name) {
        return BY_NAME.get(name);
    }

    private static Map<String, Schedule> byName() {
        Map<String, Schedule> all = new LinkedHashMap<>();
        Arrays.stream(Spacing.values()).forEach(spacing -> all.put(name(spacing), new Schedule(spacing, null, false)));
        // LU is for configs alone: it is EXPONENTIAL but for rounding
        for (SigmaSpacing sigmas : List.of(SigmaSpacing.KARRAS, SigmaSpacing.EXPONENTIAL, SigmaSpacing.BETA)) {
            all.put(name(sigmas), new Schedule(null, sigmas, false));
            for (Spacing spacing : Spacing.values()) {
                all.put(name(spacing) + "-" + name(sigmas), new Schedule(spacing, sigmas, false));
            }
        }
        all.put("normal", new Schedule(null, null, true));
        return all;
    }

    private static String name(Enum<?> e) {
        return e.name().toLowerCase(Locale.ROOT);
    }

    /** Its name in diffusers' words, for messages. */
    @Override
    public String toString() {
        List<String> parts = new ArrayList<>();
        if (spacing != null) {
            parts.add(name(spacing));
        }
        if (sigmas != null) {
            parts.add(name(sigmas));
        }
        return normal ? "normal" : String.join("-", parts);
    }
}
