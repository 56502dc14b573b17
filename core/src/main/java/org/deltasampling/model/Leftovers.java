package org.deltasampling.model;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.deltasampling.weights.WeightSource;
import org.deltasampling.weights.WeightSources;

/**
 * Tensors that training and other programs leave in files and that no network here reads: constants of CLIP, averaged
 * copies, losses. They are left out wherever they occur; any other unknown name is refused, since it may change the meaning.
 */
final class Leftovers {

    private static final Set<String> SEGMENTS = Set.of("logit_scale", "position_ids", "attn_mask", "model_ema", "loss");

    /** The text encoders whose pooled output is not projected. */
    private static final List<String> UNPROJECTED =
            List.of("cond_stage_model.", "conditioner.embedders.0.", "text_encoders.clip_l.", "text_encoders.t5xxl.");

    private Leftovers() {}

    static boolean isOne(String name) {
        List<String> segments = List.of(name.split("\\.", -1));
        return segments.stream().anyMatch(SEGMENTS::contains)
                || (segments.contains("text_projection") && UNPROJECTED.stream().anyMatch(name::startsWith));
    }

    /** {@code file} without them. */
    static WeightSource without(WeightSource file) {
        if (file.names().stream().noneMatch(Leftovers::isOne)) {
            return file;
        }
        Stream<String> kept = file.names().stream().filter(name -> !isOne(name));
        Map<String, String> names = kept.collect(Collectors.toMap(Function.identity(), Function.identity()));
        return WeightSources.renamed(file, names);
    }
}
