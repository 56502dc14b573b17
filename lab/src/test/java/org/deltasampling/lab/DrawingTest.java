package org.deltasampling.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.deltasampling.lab.Drawing.Domain;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class DrawingTest {

    private static final int AREA = Drawing.SIZE * Drawing.SIZE;

    private static List<Drawing> some(Domain domain) {
        SplittableRandom random = new SplittableRandom(3);
        return Stream.generate(() -> Drawing.random(domain, random)).limit(200).toList();
    }

    private static float[] paint(Drawing drawing, Style style) {
        float[] pixels = new float[3 * AREA];
        drawing.paint(style, pixels, 0);
        return pixels;
    }

    @Test
    void theSameSeedDrawsTheSame() {
        assertThat(some(Domain.TARGET)).isEqualTo(some(Domain.TARGET));
        assertThat(paint(some(Domain.TARGET).get(0), Style.DUSK))
                .containsExactly(paint(some(Domain.TARGET).get(0), Style.DUSK));
    }

    @Test
    void captionsAreEnglish() {
        Drawing drawing =
                new Drawing(Shape.CIRCLE, Colour.RED, Ground.GRAY, Place.LEFT, Place.LEFT.x(), Place.LEFT.y(), 0.5);
        assertThat(drawing.caption()).isEqualTo("a red circle on the left of a gray background");
        assertThat(drawing.shortCaption()).isEqualTo("a red circle on a gray background");
    }

    @Test
    void captionsSayOnlyWordsOfTheirDomain() {
        for (Domain domain : Domain.values()) {
            List<String> words = Drawing.words(domain);
            assertThat(some(domain))
                    .allSatisfy(
                            drawing -> assertThat(drawing.caption().split(" ")).isSubsetOf(words));
        }
    }

    @Test
    void madeUpWordsReplaceSomeWordsAndKeepThePlace() {
        SplittableRandom random = new SplittableRandom(3);
        Drawing drawing = new Drawing(Shape.CIRCLE, Colour.RED, Ground.GRAY, Place.LEFT, 0, 0, 0.5);
        List<String> captions = Stream.generate(() -> drawing.captionWithMadeUpWords(random))
                .limit(64)
                .toList();
        assertThat(captions).allMatch(caption -> caption.matches("a \\w+ \\w+ on the left of a \\w+ background"));
        assertThat(captions).anyMatch(caption -> caption.startsWith("a red circle on"));
        assertThat(captions).anyMatch(caption -> !caption.matches(".*(red|circle|gray).*"));
    }

    @Test
    void theSourceIsNotTrainedOnWhatIsNew() {
        List<String> old = Drawing.words(Domain.SOURCE);
        assertThat(some(Domain.TARGET_ONLY)).allSatisfy(drawing -> {
            assertThat(drawing.shape().inSource()).isFalse();
            assertThat(drawing.colour().inSource()).isFalse();
            assertThat(drawing.ground().inSource()).isFalse();
        });
        assertThat(old).contains("circle", "red", "gray").doesNotContain("star", "orange", "pink");
    }

    @Test
    void aFlatCircleIsItsColourInsideAndTheGroundOutside() {
        Drawing drawing = new Drawing(Shape.CIRCLE, Colour.RED, Ground.BLACK, Place.MIDDLE, 0, 0, 0.5);
        float[] pixels = paint(drawing, Style.FLAT);
        int middle = Drawing.SIZE * Drawing.SIZE / 2 + Drawing.SIZE / 2;
        assertThat((pixels[middle] + 1) * 127.5).isCloseTo(Colour.RED.rgb() >> 16, within(0.01));
        assertThat((pixels[0] + 1) * 127.5).isCloseTo(Ground.BLACK.rgb() >> 16, within(0.01));
        int inside = 0;
        for (int i = 0; i < AREA; i++) {
            inside += pixels[i] > 0 ? 1 : 0;
        }
        double radius = 0.95 * 0.5 * Drawing.SIZE / 2;
        assertThat((double) inside).isCloseTo(Math.PI * radius * radius, within(40.0));
    }

    @ParameterizedTest
    @EnumSource
    void everyStyleStaysInRangeAndDiffersFromTheOthers(Style style) {
        Drawing drawing = some(Domain.TARGET).get(5);
        float[] pixels = paint(drawing, style);
        for (float value : pixels) {
            assertThat(value).isBetween(-1f, 1f);
        }
        for (Style other : Style.values()) {
            if (other != style) {
                assertThat(paint(drawing, other)).isNotEqualTo(pixels);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void everyShapeHasAnInsideAndLeavesRoomAround(Shape shape) {
        double inside = 0;
        for (int i = 0; i < 10_000; i++) {
            double x = (i % 100 + 0.5) / 50 - 1;
            int row = i / 100;
            double y = (row + 0.5) / 50 - 1;
            inside += shape.distance(x, y) < 0 ? 1e-4 : 0;
        }
        assertThat(inside).isBetween(0.15, 0.75);
        assertThat(shape.distance(1.5, 1.5)).isPositive();
    }
}
