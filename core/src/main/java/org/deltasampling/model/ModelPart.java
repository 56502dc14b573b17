package org.deltasampling.model;

import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Function;
import org.deltasampling.nn.Parameters;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.KeyTable;
import org.deltasampling.weights.WeightCheck;
import org.deltasampling.weights.WeightSource;

/**
 * One network of a model.
 *
 * @param weights under canonical names
 * @param check whether they are just what a model of that config needs
 */
public record ModelPart<C>(WeightSource weights, C config, WeightCheck check) {

    /** With more missing than this, a config is of another model than its file. */
    private static final int MOST_MISSING = 5000;

    /**
     * The part of {@code file} that {@code table} has names for.
     *
     * @param table of the names in a file
     * @param config of the weights under canonical names
     * @param network declares the parameters of a config
     * @throws BadWeightsException naming the file, if its names or shapes are not those of such a network
     */
    static <C> ModelPart<C> of(
            WeightSource file,
            Function<Set<String>, KeyTable> table,
            Function<WeightSource, C> config,
            BiConsumer<C, Parameters> network) {
        try {
            KeyTable names = table.apply(file.names());
            WeightSource weights = names.over(Leftovers.without(file));
            C read = config.apply(weights);
            int most = 2 * weights.names().size() + MOST_MISSING;
            return new ModelPart<>(
                    weights,
                    read,
                    WeightCheck.of(weights, names, Parameters.declaredBy(p -> network.accept(read, p), most)));
        } catch (BadWeightsException e) {
            throw new BadWeightsException("%s cannot be used: %s".formatted(file.origin(), e.getMessage()), e);
        }
    }
}
