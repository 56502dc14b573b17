package org.deltasampling.delta;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.deltasampling.diffusion.BadSamplingException;

/**
 * How lambda goes over the steps: {@code value * (end + (start - end) * phi(u))}, where phi falls from 1 to 0 while u goes
 * from 0 in the first step to 1 in the last (science.md 5.1).
 *
 * @param value lambda itself
 * @param shape of phi
 * @param start what value is multiplied with in the first step
 * @param end and in the last
 */
public record LambdaSchedule(double value, Shape shape, double start, double end) {

    private static final Pattern TEXT = Pattern.compile("([a-z]+)(?::([^:]+):([^:]+))?");

    /** The forms of phi. */
    public enum Shape {
        /** 1 all the way: the end factor does not matter. */
        CONSTANT {
            @Override
            double phi(double u) {
                return 1;
            }
        },
        LINEAR {
            @Override
            double phi(double u) {
                return 1 - u;
            }
        },
        /** e^(-3u), brought to end at 0. */
        EXPONENTIAL {
            @Override
            double phi(double u) {
                return (Math.exp(-3 * u) - Math.exp(-3)) / (1 - Math.exp(-3));
            }
        },
        COSINE {
            @Override
            double phi(double u) {
                return (1 + Math.cos(Math.PI * u)) / 2;
            }
        },
        /** 1 / (1 + e^(10 (u - 1/2))), brought to start at 1 and end at 0. */
        SIGMOID {
            @Override
            double phi(double u) {
                return (sigmoid(u) - sigmoid(1)) / (sigmoid(0) - sigmoid(1));
            }
        };

        abstract double phi(double u);

        private static double sigmoid(double u) {
            return 1 / (1 + Math.exp(10 * (u - 0.5)));
        }
    }

    /** The same lambda in all steps. */
    public static LambdaSchedule constant(double value) {
        return new LambdaSchedule(value, Shape.CONSTANT, 1, 1);
    }

    /**
     * Reads {@code NAME[:START:END]}; the factors are 1 and 0 where they are left out.
     *
     * @throws BadSamplingException for an unknown name or a factor that is not a finite number
     */
    public static LambdaSchedule parse(double value, String text) {
        var parts = TEXT.matcher(text);
        if (!parts.matches()) {
            throw new BadSamplingException(
                    "lambda_schedule '%s' cannot be read: give NAME or NAME:START:END, with NAME one of %s"
                            .formatted(BadSamplingException.quoted(text), String.join(", ", names())));
        }
        String start = parts.group(2) == null ? "1" : parts.group(2);
        String end = parts.group(3) == null ? "0" : parts.group(3);
        return of(value, parts.group(1), factor(start), factor(end));
    }

    /** The schedule of a name out of {@link #names()}. */
    public static LambdaSchedule of(double value, String name, double start, double end) {
        Shape shape = Arrays.stream(Shape.values())
                .filter(known -> name(known).equals(name))
                .findFirst()
                .orElseThrow(() -> new BadSamplingException("there is no lambda_schedule '%s': give one of %s"
                        .formatted(BadSamplingException.quoted(name), String.join(", ", names()))));
        return new LambdaSchedule(value, shape, start, end);
    }

    /** The names of all shapes. */
    public static List<String> names() {
        return Arrays.stream(Shape.values()).map(LambdaSchedule::name).collect(Collectors.toList());
    }

    /** lambda at the progress {@code u}, from 0 to 1. */
    public double at(double u) {
        return value * (end + (start - end) * shape.phi(u));
    }

    /** {@code policy} with lambda of the progress over the steps as its weight. */
    public DeltaPolicy over(DeltaPolicy policy) {
        return policy.times(evaluation -> at(evaluation.progress()));
    }

    private static double factor(String text) {
        try {
            double factor = Double.parseDouble(text);
            if (Double.isFinite(factor)) {
                return factor;
            }
        } catch (NumberFormatException e) {
            // refused below, as an infinite number is
        }
        throw new BadSamplingException("lambda_schedule: the factor '%s' must be a finite number"
                .formatted(BadSamplingException.quoted(text)));
    }

    private static String name(Shape shape) {
        return shape.name().toLowerCase(Locale.ROOT);
    }
}
