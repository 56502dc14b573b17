package org.deltasampling.lab;

import java.awt.image.BufferedImage;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;

/**
 * A captioned image of one shape: all that determines it but the style.
 *
 * @param x centre in half widths of the image, -1 left to 1 right
 * @param y centre in half widths of the image, -1 top to 1 bottom
 * @param radius in half widths of the image
 */
record Drawing(Shape shape, Colour colour, Ground ground, Place place, double x, double y, double radius) {

    /** Width and height in pixels. */
    static final int SIZE = 64;

    /** Which shapes, colours and backgrounds occur. */
    enum Domain {
        /** Those that the source model is trained on. */
        SOURCE,
        /** Those that the targets are trained on: all. */
        TARGET,
        /** Only those that the source model is not trained on: shape, colour and background. */
        TARGET_ONLY;

        private boolean has(boolean inSource) {
            return this == TARGET || (this == SOURCE) == inSource;
        }
    }

    /** A random drawing of {@code domain}: one in three in the middle, the others anywhere; words are equally likely. */
    static Drawing random(Domain domain, RandomGenerator random) {
        Place place = random.nextInt(3) == 0 ? Place.MIDDLE : pick(Place.values(), random);
        Shape shape;
        do {
            shape = pick(Shape.values(), random);
        } while (!domain.has(shape.inSource()));
        Colour colour;
        do {
            colour = pick(Colour.values(), random);
        } while (!domain.has(colour.inSource()));
        Ground ground;
        do {
            ground = pick(Ground.values(), random);
        } while (!domain.has(ground.inSource()));
        double x = place.x() + random.nextDouble(-Place.STRAY, Place.STRAY);
        double y = place.y() + random.nextDouble(-Place.STRAY, Place.STRAY);
        return new Drawing(shape, colour, ground, place, x, y, random.nextDouble(0.4, 0.55));
    }

    /** Every word in the captions of {@code domain}, the shorter first. */
    static List<String> words(Domain domain) {
        Stream<String> places = Stream.of(Place.values())
                .flatMap(place -> Stream.of(place.phrase().split(" ")));
        Stream<String> things = Stream.of(
                        Stream.of(Shape.values()).filter(shape -> domain.has(shape.inSource())),
                        Stream.of(Colour.values()).filter(colour -> domain.has(colour.inSource())),
                        Stream.of(Ground.values()).filter(ground -> domain.has(ground.inSource())))
                .flatMap(values -> values)
                .map(Drawing::word);
        return Stream.of(Stream.of("a", "background"), places, things)
                .flatMap(values -> values)
                .distinct()
                .sorted(Comparator.comparingInt(String::length).thenComparing(Comparator.naturalOrder()))
                .toList();
    }

    /** "a red circle on the left of a gray background". */
    String caption() {
        return "a %s %s %s a %s background".formatted(word(colour), word(shape), place.phrase(), word(ground));
    }

    /** The caption without the place: "a red circle on a gray background". */
    String shortCaption() {
        return "a %s %s on a %s background".formatted(word(colour), word(shape), word(ground));
    }

    /** The caption with colour, shape and background each replaced by a made-up word with probability 1/2. */
    String captionWithMadeUpWords(RandomGenerator random) {
        return "a %s %s %s a %s background"
                .formatted(
                        madeUp(word(colour), random),
                        madeUp(word(shape), random),
                        place.phrase(),
                        madeUp(word(ground), random));
    }

    private static String madeUp(String word, RandomGenerator random) {
        if (random.nextBoolean()) {
            return word;
        }
        StringBuilder letters = new StringBuilder();
        for (int i = random.nextInt(3, 7); i > 0; i--) {
            letters.append((char) random.nextInt('a', 'z' + 1));
        }
        return letters.toString();
    }

    /** Draws into {@code pixels} from {@code offset}: three planes of red, green, blue, rows from the top, -1 to 1. */
    void paint(Style style, float[] pixels, int offset) {
        double[] inside = rgb(colour.rgb());
        double[] outside = rgb(ground.rgb());
        double[] rgb = new double[3];
        double scale = radius * SIZE / 2;
        for (int row = 0; row < SIZE; row++) {
            for (int column = 0; column < SIZE; column++) {
                double dx = ((column + 0.5) / SIZE * 2 - 1 - x) / radius;
                double dy = ((row + 0.5) / SIZE * 2 - 1 - y) / radius;
                style.paint(rgb, shape.distance(dx, dy) * scale, column, row, inside, outside);
                for (int i = 0; i < 3; i++) {
                    pixels[offset + (i * SIZE + row) * SIZE + column] = (float) (2 * rgb[i] - 1);
                }
            }
        }
    }

    /** The image in {@code style}. */
    BufferedImage image(Style style) {
        float[] pixels = new float[3 * SIZE * SIZE];
        paint(style, pixels, 0);
        BufferedImage image = new BufferedImage(SIZE, SIZE, BufferedImage.TYPE_INT_RGB);
        for (int i = 0; i < SIZE * SIZE; i++) {
            int red = level(pixels[i]);
            int green = level(pixels[SIZE * SIZE + i]);
            int blue = level(pixels[2 * SIZE * SIZE + i]);
            image.setRGB(i % SIZE, i / SIZE, red << 16 | green << 8 | blue);
        }
        return image;
    }

    /** 0 to 255 for -1 to 1. */
    private static int level(float value) {
        return Math.round((value + 1) * 127.5f);
    }

    private static double[] rgb(int packed) {
        return new double[] {(packed >> 16 & 255) / 255.0, (packed >> 8 & 255) / 255.0, (packed & 255) / 255.0};
    }

    private static String word(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }

    private static <T> T pick(T[] values, RandomGenerator random) {
        return values[random.nextInt(values.length)];
    }
}
