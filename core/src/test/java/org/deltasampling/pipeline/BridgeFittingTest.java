package org.deltasampling.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import javax.imageio.ImageIO;
import org.deltasampling.NoLeaks;
import org.deltasampling.TinyModels;
import org.deltasampling.bridge.BridgeFile;
import org.deltasampling.file.BadFileException;
import org.deltasampling.recipe.BadRecipeException;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Bridges between models that the test makes itself, so that what is to come out is plain. */
@ExtendWith(NoLeaks.class)
class BridgeFittingTest {

    @TempDir
    Path folder;

    private Path model;

    @BeforeEach
    void makeModel() {
        model = TinyModels.sd1(folder.resolve("model"), 1);
    }

    /** Some circles. */
    static BufferedImage image(long seed) {
        Random random = new Random(seed);
        BufferedImage image = new BufferedImage(20, 30, BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = image.createGraphics();
        for (int i = 0; i < 5; i++) {
            graphics.setColor(new Color(random.nextInt(1 << 24)));
            graphics.fillOval(random.nextInt(20) - 5, random.nextInt(30) - 5, 15, 15);
        }
        graphics.dispose();
        return image;
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3})
    void anAutoencoderExplainsItself(int kernel) {
        try (BridgeFitting fitting = new BridgeFitting(model, model, kernel)) {
            for (int i = 0; i < 40; i++) {
                fitting.add(image(i));
            }
            BridgeFile bridge = fitting.fit();
            assertThat(bridge.fit().explained()).isGreaterThan(0.95);
            assertThat(bridge.target()).isEqualTo(bridge.source());
        }
    }

    @Test
    void theModelsMakeImagesThemselves() {
        try (BridgeFitting fitting = new BridgeFitting(model, model, 1)) {
            fitting.addGenerated(BridgeFitting.FEWEST, PipelineListener.NONE);
            assertThat(fitting.fit().fit().explained()).isGreaterThan(0.9);
        }
    }

    @Test
    void imagesOfAFolder() throws IOException {
        Path images = Files.createDirectory(folder.resolve("images"));
        for (int i = 0; i < BridgeFitting.FEWEST - 1; i++) {
            ImageIO.write(image(i), "png", images.resolve(i + ".png").toFile());
        }
        try (BridgeFitting fitting = new BridgeFitting(model, model, 1)) {
            assertThatThrownBy(() -> fitting.addAll(images, PipelineListener.NONE))
                    .isInstanceOf(BadRecipeException.class)
                    .hasMessageContaining("19 images");
            ImageIO.write(image(99), "jpg", images.resolve("z.jpg").toFile());
            fitting.addAll(images, PipelineListener.NONE);
            assertThat(fitting.fit().fit().explained()).isGreaterThan(0.9);
            Files.writeString(images.resolve("a.png"), "no image");
            assertThatThrownBy(() -> fitting.addAll(images, PipelineListener.NONE))
                    .isInstanceOf(BadFileException.class)
                    .hasMessageContaining("a.png");
        }
    }

    @Test
    void anotherKernelIsRefused() {
        assertThatThrownBy(() -> new BridgeFitting(model, model, 5)).isInstanceOf(BadRecipeException.class);
    }
}
