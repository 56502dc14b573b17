package org.deltasampling.image;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.image.BufferedImage;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.deltasampling.recipe.Recipe;
import org.deltasampling.recipe.Recipe.Output;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProvenanceTest {

    private static final Path FOLDER = Path.of("models").toAbsolutePath();
    private static final Recipe RECIPE = Recipe.of(FOLDER.resolve("sd21"), "a cat: asleep");

    @Test
    void anImageCarriesItsRecipe(@TempDir Path folder) throws Exception {
        Path png = folder.resolve("p.png");
        Provenance before =
                new Provenance(RECIPE, new TreeMap<>(Map.of(FOLDER.resolve("a\u00e9.safetensors"), "0123")));
        BufferedImage image = new BufferedImage(3, 2, BufferedImage.TYPE_INT_RGB);
        image.setRGB(2, 1, 0x123456);
        try (OutputStream out = Files.newOutputStream(png)) {
            Png.write(out, image, before.toJson());
        }
        assertThat(Provenance.readFrom(png)).isEqualTo(before);
        assertThat(Provenance.read(png).recipe())
                .isEqualTo(RECIPE.with(new Output(folder.resolve("p-again.png"), null)));
        assertThat(javax.imageio.ImageIO.read(png.toFile()).getRGB(2, 1) & 0xffffff)
                .isEqualTo(0x123456);
    }
}
