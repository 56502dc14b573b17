package org.deltasampling.adapter;

import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.function.ToLongFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.deltasampling.adapter.ModuleIndex.Target;
import org.jspecify.annotations.Nullable;

/**
 * A kind of adapter: what files call its tensors, and how they become the change of a weight. All kinds are rows of {@link
 * AdapterKinds}.
 *
 * @param title what people call it
 * @param parameter which tensor of a module it changes: {@code weight} or {@code bias}
 * @param keys what may follow the name of a module in a file; the first that fits a name counts
 * @param roles the tensors without which there is no change
 * @param sizes what the shapes of the tensors say
 */
record AdapterKind(String title, String parameter, List<TensorKey> keys, Roles roles, Sizes sizes, Reader reader) {

    /** Makes the change of one weight out of the tensors of a module; the file may stack several such weights. */
    @FunctionalInterface
    interface Reader {
        /**
         * The change, whose shapes are not yet checked.
         *
         * @throws org.deltasampling.weights.BadWeightsException if a number in it is wrong, or if the kind cannot change
         *     one of several weights that a layer stacks
         */
        WeightChange read(AdapterModule module, Target target);
    }

    /**
     * What a module needs of the tensors of a kind.
     *
     * @param forms sets of roles, of one of which it needs all
     * @param signs the roles by which a module is known to be of the kind
     */
    record Roles(List<Set<String>> forms, Set<String> signs) {

        /** All of {@code roles}, of which each is a sign. */
        static Roles all(String... roles) {
            return oneOf(List.of(Set.of(roles)));
        }

        /** All roles of one of {@code forms}, of which each is a sign. */
        static Roles oneOf(List<Set<String>> forms) {
            return new Roles(forms, forms.stream().flatMap(Set::stream).collect(Collectors.toUnmodifiableSet()));
        }

        /** Whether a module that has {@code present} is of the kind. */
        boolean signify(Set<String> present) {
            return present.stream().anyMatch(signs::contains);
        }

        /** What {@code present} lacks of the form that it lacks the fewest of, the longer one of two such. */
        List<String> missing(Set<String> present) {
            return forms.stream()
                    .min(Comparator.<Set<String>>comparingLong(
                                    form -> lacking(form, present).count())
                            .thenComparingInt(form -> -form.size()))
                    .map(form -> lacking(form, present).sorted().toList())
                    .orElse(List.of());
        }

        private static Stream<String> lacking(Set<String> form, Set<String> present) {
            return form.stream().filter(role -> !present.contains(role));
        }
    }

    /**
     * What the shapes of a module's tensors say; 0 where they say nothing.
     *
     * @param rank of its factors
     * @param inputs width of the input, where it is a linear layer
     */
    record Sizes(ToLongFunction<AdapterModule> rank, ToLongFunction<AdapterModule> inputs) {

        static final Sizes NONE = new Sizes(module -> 0, module -> 0);
    }

    /**
     * One way to name a tensor.
     *
     * @param format the key format that names it so, for people
     * @param suffix what follows the module's name; a {@code *} stands for one segment that its author chose, a {@code #}
     *     for a number
     * @param role what the kind knows the tensor by, where the number stands for the {@code #}
     * @param axes number of axes of the tensor, where another kind gives one of another number the same name; 0 for any
     * @param addition what a module with such a tensor has besides its kind, for people; empty if it is usual
     */
    record TensorKey(String format, String suffix, String role, int axes, String addition) {

        private static final int LONGEST_NUMBER = 6;

        TensorKey(String format, String suffix, String role) {
            this(format, suffix, role, 0, "");
        }

        /** That of a module's {@link AdapterModule#ALPHA}. */
        static TensorKey alpha(String format) {
            return new TensorKey(format, ".alpha", AdapterModule.ALPHA);
        }

        TensorKey ofAxes(int axes) {
            return new TensorKey(format, suffix, role, axes, addition);
        }

        TensorKey adding(String addition) {
            return new TensorKey(format, suffix, role, axes, addition);
        }

        /** The module and the role in the name of a tensor of {@code shape}, or null if it has another name or form. */
        @Nullable
        Match match(String name, long[] shape) {
            if (axes > 0 && axes != shape.length) {
                return null;
            }
            int wildcard = Math.max(suffix.indexOf('*'), suffix.indexOf('#'));
            if (wildcard < 0) {
                return match(without(name, suffix), "");
            }
            String inner = without(name, suffix.substring(wildcard + 1));
            if (inner == null) {
                return null;
            }
            int segment = inner.lastIndexOf('.') + 1;
            String chosen = inner.substring(segment);
            return suffix.charAt(wildcard) == '#' && !isNumber(chosen)
                    ? null
                    : match(without(inner.substring(0, segment), suffix.substring(0, wildcard)), chosen);
        }

        private @Nullable Match match(@Nullable String module, String chosen) {
            return module == null ? null : new Match(module, this, role.replace("#", chosen));
        }

        private static boolean isNumber(String text) {
            return !text.isEmpty()
                    && text.length() <= LONGEST_NUMBER
                    && text.chars().allMatch(c -> c >= '0' && c <= '9');
        }

        private static @Nullable String without(String name, String end) {
            return name.endsWith(end) ? name.substring(0, name.length() - end.length()) : null;
        }
    }

    /** A tensor that is one of a module's. */
    record Match(String module, TensorKey key, String role) {}

    /** What a tensor of that name and shape is to the kind; null if it is none of its tensors. */
    @Nullable
    Match match(String name, long[] shape) {
        for (TensorKey key : keys) {
            Match match = key.match(name, shape);
            if (match != null) {
                return match;
            }
        }
        return null;
    }
}
