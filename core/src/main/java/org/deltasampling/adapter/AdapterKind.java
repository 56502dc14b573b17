package org.deltasampling.adapter;

import java.util.List;
import java.util.Set;
import org.deltasampling.adapter.ModuleIndex.Target;
import org.jspecify.annotations.Nullable;

/**
 * A kind of adapter: what files call its tensors, and how they become the change of a weight. All kinds are rows of {@link
 * AdapterKinds}.
 *
 * @param title what people call it
 * @param parameter which tensor of a module it changes: {@code weight} or {@code bias}
 * @param keys what may follow the name of a module in a file
 * @param required the roles without which there is no change; a module that has one of them is of this kind
 * @param input the role of the tensor (rank, in ...) that reads the module's input; null where a kind has none
 */
record AdapterKind(
        String title,
        String parameter,
        List<TensorKey> keys,
        Set<String> required,
        @Nullable String input,
        Reader reader) {

    /** Makes the change of one weight out of the tensors of a module; the file may stack several such weights. */
    @FunctionalInterface
    interface Reader {
        /**
         * The change, whose shapes are not yet checked.
         *
         * @throws org.deltasampling.weights.BadWeightsException if a number in it is wrong
         */
        WeightChange read(AdapterModule module, Target target);
    }

    /**
     * One way to name a tensor.
     *
     * @param format the key format that names it so, for people
     * @param suffix what follows the module's name; a {@code *} stands for one segment that its author chose
     * @param role what the kind knows the tensor by
     */
    record TensorKey(String format, String suffix, String role) {

        /** The module in the name of a tensor, or null if the name does not end so. */
        @Nullable
        String module(String name) {
            int star = suffix.indexOf('*');
            if (star < 0) {
                return without(name, suffix);
            }
            String inner = without(name, suffix.substring(star + 1));
            return inner == null
                    ? null
                    : without(inner.substring(0, inner.lastIndexOf('.') + 1), suffix.substring(0, star));
        }

        private static @Nullable String without(String name, String end) {
            return name.endsWith(end) ? name.substring(0, name.length() - end.length()) : null;
        }
    }
}
