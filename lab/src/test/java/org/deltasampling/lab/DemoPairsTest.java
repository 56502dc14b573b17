package org.deltasampling.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.deltasampling.delta.LambdaSchedule;
import org.deltasampling.pipeline.Pipeline;
import org.deltasampling.recipe.Recipe;
import org.deltasampling.recipe.Recipe.Delta;
import org.deltasampling.recipe.Recipe.Role;
import org.deltasampling.recipe.Recipe.Sampling;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** From each of the demo models to each, as users do it, by the bridge that {@code auto} chooses. */
class DemoPairsTest {

    private static final List<String> MODELS = List.of("source", "target", "target-xl", "target-sd3");
    private static final String PROMPT = "a red ring in the middle of a black background";
    private static final String OTHER = "a yellow heart at the bottom of a gray background";

    @TempDir
    static Path folder;

    private static final Pipeline PIPELINE = new Pipeline();
    private static final Map<String, float[]> ALONE = new HashMap<>();

    @BeforeAll
    static void unpack() {
        if (DemoModels.present()) {
            DemoModels.unpack(folder);
        }
    }

    @AfterAll
    static void close() {
        PIPELINE.close();
    }

    /** Before each test rather than all of them, so that every one that is left out is counted as skipped. */
    @BeforeEach
    void demandModels() {
        Assumptions.assumeTrue(DemoModels.present(), "this build carries no trained demo models");
    }

    static Stream<Arguments> pairs() {
        return MODELS.stream().flatMap(source -> MODELS.stream().map(target -> Arguments.of(source, target)));
    }

    private static Recipe alone(String target) {
        return Recipe.of(folder.resolve(target), PROMPT)
                .with(Sampling.DEFAULT.steps(3).cfg(2).size(64, 64));
    }

    private static float[] latents(Recipe recipe) {
        return PIPELINE.generate(recipe).latents();
    }

    /** What the source draws for another prompt less what it draws for the target's: an adaptation that every model has. */
    private static Delta prompted(String source, String prompt) {
        return new Delta(Role.of(folder.resolve(source)), Role.SAME.with(prompt), LambdaSchedule.constant(1));
    }

    @ParameterizedTest
    @MethodSource("pairs")
    void adaptationsGoFromAnyToAny(String source, String target) {
        float[] alone = ALONE.computeIfAbsent(target, name -> latents(alone(name)));
        Delta delta = prompted(source, OTHER);
        float[] changed = latents(alone(target).plus(delta));
        assertThat(changed).hasSameSizeAs(alone);
        assertThat(distance(changed, alone)).isFinite().isGreaterThan(0.1);
        assertThat(latents(alone(target).plus(delta.lambda(0)))).isEqualTo(alone);
        assertThat(latents(alone(target).plus(prompted(source, PROMPT)))).containsExactly(alone, within(1e-4f));
    }

    /** Root mean square. */
    private static double distance(float[] some, float[] others) {
        double squares = IntStream.range(0, some.length)
                .mapToDouble(i -> (double) some[i] - others[i])
                .map(difference -> difference * difference)
                .sum();
        return Math.sqrt(squares / some.length);
    }
}
