package org.deltasampling.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import javax.imageio.ImageIO;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.ControlFixtures;
import org.deltasampling.NoLeaks;
import org.deltasampling.TensorAssert;
import org.deltasampling.recipe.Recipe.Control;
import org.deltasampling.tensor.PixelSize;
import org.deltasampling.tensor.TensorScope;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(NoLeaks.class)
class ControlImagesTest {

    @TempDir
    Path folder;

    @Test
    void edgesAreOpenCvs() {
        try (TensorScope scope = TensorScope.open()) {
            Tensor grey = ControlFixtures.tensor("grey").to(torch.ScalarType.Float);
            int width = (int) grey.size(1);
            float[] values = new float[(int) grey.numel()];
            grey.data_ptr_float().get(values);
            int[] levels = new int[values.length];
            Arrays.setAll(levels, i -> Math.round(values[i]));
            GreyLevels edges = CannyEdges.of(new GreyLevels(width, (int) grey.size(0), levels));
            float[] expected = new float[values.length];
            ControlFixtures.tensor("canny")
                    .to(torch.ScalarType.Float)
                    .data_ptr_float()
                    .get(expected);
            int[] found = edges.levels();
            long differing = 0;
            for (int i = 0; i < expected.length; i++) {
                differing += found[i] == Math.round(expected[i]) ? 0 : 1;
            }
            assertThat(Arrays.stream(found).filter(level -> level == 255).count())
                    .isGreaterThan(100);
            assertThat(differing).as("of %d", expected.length).isZero();
        }
    }

    @Test
    void greyAndBlurKeepTheMeanAndAreBetweenTheExtremes() throws IOException {
        Path file = folder.resolve("square.png");
        BufferedImage square = new BufferedImage(64, 64, BufferedImage.TYPE_INT_RGB);
        for (int y = 16; y < 48; y++) {
            for (int x = 16; x < 48; x++) {
                square.setRGB(x, y, 0xffffff);
            }
        }
        ImageIO.write(square, "png", file.toFile());
        PixelSize size = new PixelSize(64, 64);
        try (TensorScope scope = TensorScope.open()) {
            Tensor image = ControlImages.read(file, Control.From.IMAGE, size);
            TensorAssert.assertThat(ControlImages.read(file, Control.From.GREY, size))
                    .isCloseTo(image, 1e-6);
            Tensor blurred = ControlImages.read(file, Control.From.BLUR, size);
            assertThat(blurred.mean().item_double()).isEqualTo(image.mean().item_double(), within(1e-5));
            assertThat(blurred.max().item_double()).isLessThan(1.0001);
            double atEdge = blurred.select(3, 16).select(2, 32).mean().item_double();
            assertThat(atEdge).isBetween(0.5, 0.95);
            Tensor edges = ControlImages.read(file, Control.From.CANNY, size);
            assertThat(edges.sum().div(new Scalar(3)).item_double()).isBetween(100.0, 140.0);
        }
    }

    @Test
    void levelsOfGreyFilesAreTheirSamples() throws IOException {
        Path file = folder.resolve("grey.png");
        BufferedImage grey = new BufferedImage(2, 1, BufferedImage.TYPE_BYTE_GRAY);
        grey.getRaster().setSample(0, 0, 0, 128);
        grey.getRaster().setSample(1, 0, 0, 255);
        ImageIO.write(grey, "png", file.toFile());
        try (TensorScope scope = TensorScope.open()) {
            Tensor image = ControlImages.read(file, Control.From.IMAGE, new PixelSize(2, 1));
            assertThat(image.select(3, 0).mean().item_double()).isEqualTo(128 / 255.0, within(1e-6));
        }
    }
}
