package org.deltasampling.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.DoubleFunction;
import java.util.stream.Stream;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.NoLeaks;
import org.deltasampling.TensorAssert;
import org.deltasampling.lab.Drawing.Domain;
import org.deltasampling.lab.Prompts.Prompt;
import org.deltasampling.model.Architecture;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.nn.Parameters;
import org.deltasampling.pipeline.Pipeline;
import org.deltasampling.recipe.Recipe.Lora;
import org.deltasampling.recipe.Recipe.Role;
import org.deltasampling.tensor.Precision;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.ResidentWeights;
import org.deltasampling.weights.WeightFile;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** The trained weights, through the ordinary loader. */
@ExtendWith(NoLeaks.class)
class DemoModelsTest {

    @TempDir
    static Path folder;

    @BeforeAll
    static void unpack() {
        if (DemoModels.present()) {
            DemoModels.unpack(folder);
        }
    }

    /** Before each test rather than all of them, so that every one that is left out is counted as skipped. */
    @BeforeEach
    void demandModels() {
        Assumptions.assumeTrue(DemoModels.present(), "this build carries no trained demo models");
    }

    @Test
    void areOrdinaryModelsOfTheirFamilies() {
        try (Checkpoint source = Checkpoint.open(folder.resolve("source"));
                Checkpoint lineart = Checkpoint.open(folder.resolve("lineart"));
                Checkpoint target = Checkpoint.open(folder.resolve("target"));
                Checkpoint xl = Checkpoint.open(folder.resolve("target-xl"));
                Checkpoint sd3 = Checkpoint.open(folder.resolve("target-sd3"))) {
            assertThat(source.architecture()).isEqualTo(Architecture.SD1);
            assertThat(lineart.architecture()).isEqualTo(Architecture.SD1);
            assertThat(target.architecture()).isEqualTo(Architecture.SD2);
            assertThat(xl.architecture()).isEqualTo(Architecture.SDXL);
            assertThat(sd3.architecture()).isEqualTo(Architecture.SD3);
        }
    }

    @Test
    void areSmall() throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            long bytes = files.filter(Files::isRegularFile)
                    .mapToLong(file -> file.toFile().length())
                    .sum();
            assertThat(bytes).isLessThan(76L << 20); // unpacked: the autoencoder is there three times
        }
    }

    @Test
    void theClassifierIsRightAboutDrawings() {
        try (WeightFile file = WeightFile.open(folder.resolve("classifier.safetensors"));
                ResidentWeights weights = new ResidentWeights(file, Precision.FLOAT32);
                TensorScope scope = TensorScope.open()) {
            Classifier classifier = new Classifier(Parameters.from(weights));
            for (Style style : Style.values()) {
                SplittableRandom random = new SplittableRandom(12_345);
                List<Drawing> drawings = Stream.generate(() -> Drawing.random(Domain.TARGET, random))
                        .limit(100)
                        .toList();
                List<BufferedImage> images =
                        drawings.stream().map(drawing -> drawing.image(style)).toList();
                Scores scores = Scores.of(classifier, images, drawings, style);
                assertThat(scores.style()).as(style.name()).isGreaterThan(0.99);
                assertThat(scores.shape()).as(style.name()).isGreaterThan(0.9);
                assertThat(scores.place()).as(style.name()).isGreaterThan(0.9);
            }
        }
    }

    @Test
    void atLambdaZeroTheTargetIsUnchanged() {
        Prompt prompt = Prompts.random(7, 1, 0).shared().get(0);
        Role source = Role.of(folder.resolve("source"));
        Role target = Role.of(folder.resolve("target"));
        Role stripes = source.plus(new Lora(folder.resolve("stripes.safetensors"), 1));
        Recipes recipes = new Recipes(source, 3, 2);
        try (Pipeline pipeline = new Pipeline()) {
            float[] alone = pipeline.generate(recipes.alone(target, prompt)).latents();
            DoubleFunction<float[]> withLambda = lambda -> pipeline.generate(
                            recipes.delta(target, NamedBridge.SHARED.bridge(), stripes, lambda, prompt))
                    .latents();
            assertThat(withLambda.apply(0)).containsExactly(alone);
            try (TensorScope scope = TensorScope.open()) {
                assertThat(TensorAssert.error(torch.tensor(withLambda.apply(1)), torch.tensor(alone)))
                        .isGreaterThan(0.01);
            }
        }
    }
}
