package org.deltasampling.weights;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.deltasampling.file.Quoted;

/**
 * How a file's weights compare to what a model declares; names are the file's.
 *
 * @param missing declared but not there, each with the nearest unused name
 * @param unused there but not declared, each with the nearest missing name
 * @param shapeMismatches there with another shape, with both shapes
 */
public record WeightCheck(List<String> missing, List<String> unused, List<String> shapeMismatches) {

    /** Nothing is wrong. */
    public static final WeightCheck NONE = new WeightCheck(List.of(), List.of(), List.of());

    private static final int EXAMPLES = 3;

    public WeightCheck {
        missing = List.copyOf(missing);
        unused = List.copyOf(unused);
        shapeMismatches = List.copyOf(shapeMismatches);
    }

    /**
     * Compares names and shapes.
     *
     * @param weights under canonical names
     * @param format how the file names them
     * @param declared by the model, see {@code nn.Parameters.declaredBy}
     */
    public static WeightCheck of(WeightSource weights, KeyTable format, Map<String, long[]> declared) {
        Set<String> missing = new LinkedHashSet<>();
        List<String> shapeMismatches = new ArrayList<>();
        declared.forEach((name, shape) -> {
            if (!weights.names().contains(name)) {
                missing.add(format.nameInFile(name));
            } else if (!Arrays.equals(weights.info(name).shape(), shape)) {
                shapeMismatches.add("%s is %s where %s is needed"
                        .formatted(
                                Quoted.of(weights.nameInFile(name)),
                                Arrays.toString(weights.info(name).shape()),
                                Arrays.toString(shape)));
            }
        });
        Set<String> unused = new LinkedHashSet<>();
        weights.names().stream()
                .filter(name -> !declared.containsKey(name))
                .map(weights::nameInFile)
                .forEach(unused::add);
        return new WeightCheck(
                hinted(missing, name -> Nearest.hint(name, unused)),
                hinted(unused, name -> Nearest.hint(name, missing)),
                shapeMismatches);
    }

    /**
     * {@code names} as a message quotes them, the first few, which are shown, with a hint: the search for it is long.
     *
     * @param hint the nearest name that is known, as a message says it; empty where none is near
     */
    public static List<String> hinted(Collection<String> names, UnaryOperator<String> hint) {
        List<String> hinted = new ArrayList<>();
        for (String name : names) {
            hinted.add(Quoted.of(name) + (hinted.size() < EXAMPLES ? hint.apply(name) : ""));
        }
        return hinted;
    }

    /** Both checks together. */
    public WeightCheck and(WeightCheck other) {
        return new WeightCheck(
                join(missing, other.missing), join(unused, other.unused), join(shapeMismatches, other.shapeMismatches));
    }

    private static List<String> join(List<String> a, List<String> b) {
        List<String> joined = new ArrayList<>(a);
        joined.addAll(b);
        return joined;
    }

    /** Whether every weight is there once, in its shape, and none is left over. */
    public boolean passed() {
        return missing.isEmpty() && unused.isEmpty() && shapeMismatches.isEmpty();
    }

    /** All that is wrong in one sentence about {@code subject}, with a few examples of each kind. */
    public String message(Object subject) {
        return "%s does not fit its model: %s".formatted(subject, faults());
    }

    /** All that is wrong, with a few examples of each kind; empty if nothing is. */
    public String faults() {
        List<String> faults = new ArrayList<>();
        describe(faults, missing, "missing");
        describe(faults, shapeMismatches, "of another shape");
        describe(faults, unused, "not part of the model");
        return String.join("; ", faults);
    }

    private static void describe(List<String> faults, List<String> names, String fault) {
        if (!names.isEmpty()) {
            faults.add("%d weight%s %s: %s%s"
                    .formatted(
                            names.size(),
                            names.size() == 1 ? " is" : "s are",
                            fault,
                            String.join(", ", names.subList(0, Math.min(EXAMPLES, names.size()))),
                            names.size() > EXAMPLES ? " and %d more".formatted(names.size() - EXAMPLES) : ""));
        }
    }

    /**
     * Does nothing if this {@link #passed}.
     *
     * @throws BadWeightsException with the {@link #message} otherwise
     */
    public void orThrow(Object subject) {
        if (!passed()) {
            throw new BadWeightsException(message(subject));
        }
    }
}
