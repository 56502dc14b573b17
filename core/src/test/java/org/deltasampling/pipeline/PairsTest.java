package org.deltasampling.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;
import java.util.stream.Stream;
import org.deltasampling.TinyModels;
import org.deltasampling.model.Architecture;
import org.deltasampling.recipe.Recipe;
import org.deltasampling.recipe.Recipe.Delta;
import org.deltasampling.recipe.Recipe.Sampling;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** From any family to any: all 36 ordered pairs end to end, each by the bridge that {@code auto} chooses. */
class PairsTest {

    @TempDir
    static Path folder;

    private static final Map<Architecture, float[]> ALONE = new EnumMap<>(Architecture.class);

    private static final Pipeline PIPELINE = new Pipeline();

    @BeforeAll
    static void makeModels() {
        for (Architecture family : Architecture.values()) {
            TinyModels.of(family, model(family), 1);
            TinyModels.of(family, twin(family), 1);
            TinyModels.of(family, tuned(family), 11);
        }
    }

    @AfterAll
    static void close() {
        PIPELINE.close();
    }

    static Stream<Arguments> pairs() {
        return Arrays.stream(Architecture.values())
                .flatMap(source -> Arrays.stream(Architecture.values()).map(target -> Arguments.of(source, target)));
    }

    private static Path model(Architecture family) {
        return folder.resolve(family.name());
    }

    /** The same weights. */
    private static Path twin(Architecture family) {
        return folder.resolve(family + "-twin");
    }

    /** Other weights. */
    private static Path tuned(Architecture family) {
        return folder.resolve(family + "-tuned");
    }

    private static Recipe alone(Architecture target) {
        return Recipe.of(model(target), "a cat")
                .with(Sampling.DEFAULT.steps(3).cfg(2).size(64, 64));
    }

    private static float[] latents(Recipe recipe) {
        return PIPELINE.generate(recipe).latents();
    }

    @ParameterizedTest
    @MethodSource("pairs")
    void adaptersGoFromAnyToAny(Architecture source, Architecture target) {
        float[] alone = ALONE.computeIfAbsent(target, family -> latents(alone(family)));
        Delta delta = Delta.of(model(source), tuned(source));
        float[] changed = latents(alone(target).plus(delta));
        assertThat(changed).hasSameSizeAs(alone).isNotEqualTo(alone);
        assertThat(deviation(changed)).isFinite().isGreaterThan(0.1); // so each of them is finite
        assertThat(latents(alone(target).plus(delta.lambda(0)))).isEqualTo(alone);
        assertThat(latents(alone(target).plus(Delta.of(model(source), twin(source)))))
                .containsExactly(alone, within((float) (1e-5 * deviation(alone))));
    }

    private static double deviation(float[] values) {
        double sum = 0;
        double squares = 0;
        for (float value : values) {
            sum += value;
            squares += (double) value * value;
        }
        return Math.sqrt(squares / values.length - sum * sum / values.length / values.length);
    }
}
