package org.deltasampling.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.NoLeaks;
import org.deltasampling.TensorAssert;
import org.deltasampling.delta.LatentBridge;
import org.deltasampling.lab.Drawing.Domain;
import org.deltasampling.lab.Prompts.Prompt;
import org.deltasampling.model.Architecture;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.nn.Parameters;
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
                try (Images images = Images.draw(100, () -> Drawing.random(Domain.TARGET, random), List.of(style))) {
                    List<Drawing> drawings = Stream.iterate(0, i -> i + 1)
                            .limit(100)
                            .map(images::drawing)
                            .toList();
                    Scores scores = Scores.of(classifier, images.range(0, 100), drawings, style);
                    assertThat(scores.style()).as(style.name()).isGreaterThan(0.99);
                    assertThat(scores.shape()).as(style.name()).isGreaterThan(0.9);
                    assertThat(scores.place()).as(style.name()).isGreaterThan(0.9);
                }
            }
        }
    }

    @Test
    void atLambdaZeroTheTargetIsUnchanged() {
        List<Prompt> prompts = Prompts.random(7, 1, 1).all();
        try (Painter target = Painter.of(folder.resolve("target"));
                Painter source = Painter.of(folder.resolve("source"));
                Painter stripes = Painter.with(folder.resolve("source"), folder.resolve("stripes.safetensors"));
                TensorScope scope = TensorScope.open()) {
            Transfer transfer = new Transfer(source, 3, 2);
            Tensor alone = transfer.alone(target, prompts);
            TensorAssert.assertThat(transfer.delta(target, LatentBridge.SAME, stripes, 0, prompts))
                    .isSameAs(alone);
            assertThat(TensorAssert.error(transfer.delta(target, LatentBridge.SAME, stripes, 1, prompts), alone))
                    .isGreaterThan(0.01);
        }
    }
}
