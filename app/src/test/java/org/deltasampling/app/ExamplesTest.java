package org.deltasampling.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.deltasampling.NoLeaks;
import org.deltasampling.TinyModels;
import org.deltasampling.image.Image;
import org.deltasampling.model.Architecture;
import org.deltasampling.pipeline.Pipeline;
import org.deltasampling.recipe.Recipe;
import org.deltasampling.recipe.RecipeFile;
import org.deltasampling.tensor.PixelSize;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** The recipes in examples/ can be followed: here in miniature, an eighth as large, with tiny models by the same names. */
@ExtendWith(NoLeaks.class)
final class ExamplesTest {

    private static final int SMALLER = 8;

    @TempDir
    Path folder;

    @TestFactory
    Stream<DynamicTest> anExampleMakesItsImage() throws IOException {
        Path examples = ProjectFiles.at("examples");
        Assumptions.assumeTrue(Files.isDirectory(examples), "there are no examples");
        Map<String, Path> models = models();
        List<Path> files;
        try (Stream<Path> all = Files.list(examples)) {
            files = all.filter(file -> file.toString().endsWith(".yaml"))
                    .sorted()
                    .toList();
        }
        assertThat(files).isNotEmpty();
        return files.stream()
                .map(file -> DynamicTest.dynamicTest(file.getFileName().toString(), () -> follow(file, models)));
    }

    private static void follow(Path file, Map<String, Path> models) {
        RecipeFile.Read example = RecipeFile.read(file);
        assertThat(example.output().image()).as("an image to write").isNotNull();
        Recipe recipe = example.recipe()
                .placed(path -> Objects.requireNonNull(
                        models.get(path.getFileName().toString()), () -> "no tiny model for " + path));
        PixelSize size = smaller(Objects.requireNonNull(recipe.sampling().size()));
        List<Recipe.Delta> deltas = recipe.deltas().stream()
                .map(delta -> delta.sourceSize() == null ? delta : delta.at(smaller(delta.sourceSize())))
                .toList();
        Recipe small = new Recipe(
                recipe.target(),
                deltas,
                recipe.sampling().size(size.width(), size.height()).steps(2),
                recipe.preset());
        try (Pipeline pipeline = new Pipeline()) {
            Image image = pipeline.generate(small);
            assertThat(image.width()).isEqualTo(size.width());
            assertThat(image.height()).isEqualTo(size.height());
        }
    }

    private static PixelSize smaller(PixelSize size) {
        return new PixelSize(size.width() / SMALLER, size.height() / SMALLER);
    }

    private Map<String, Path> models() {
        Path sd15 = TinyModels.of(Architecture.SD1, folder.resolve("sd15"), 1);
        return Map.of(
                "sd15.safetensors", sd15,
                "sd15-watercolour.safetensors", TinyModels.of(Architecture.SD1, folder.resolve("watercolour"), 2),
                "sd21.safetensors", TinyModels.of(Architecture.SD2, folder.resolve("sd21"), 3),
                "sdxl.safetensors", TinyModels.of(Architecture.SDXL, folder.resolve("sdxl"), 4),
                "sd3.safetensors", TinyModels.of(Architecture.SD3, folder.resolve("sd3"), 5),
                "ink.safetensors", TinyModels.lora(folder.resolve("ink.safetensors"), sd15, 6));
    }
}
