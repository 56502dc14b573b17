package org.deltasampling.nn;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.WeightSource;

/**
 * Where a layer gets its tensors from. A layer's constructor declares each parameter by name and shape exactly once; the
 * same declaration loads a file ({@link #from}), lists what a model needs ({@link #declaredBy}) and, in the lab, creates
 * parameters to train. Layers must do no arithmetic in constructors.
 */
public interface Parameters {

    /** The parameter {@code name} of {@code shape}; borrowed, it outlives the layer. */
    Tensor get(String name, long... shape);

    /** The parameters whose names start with {@code prefix + "."}, under their remaining names. */
    default Parameters at(String prefix) {
        return (name, shape) -> get(prefix + "." + name, shape);
    }

    /** Reads from {@code source}, whose names are already canonical; a wrong shape throws {@link BadWeightsException}. */
    static Parameters from(WeightSource source) {
        return (name, shape) -> {
            long[] found = source.info(name).shape();
            if (!Arrays.equals(found, shape)) {
                throw new BadWeightsException("%s has shape %s where the model needs %s"
                        .formatted(name, Arrays.toString(found), Arrays.toString(shape)));
            }
            return source.load(name);
        };
    }

    /** Names and shapes of all that {@code model}'s constructor asks for, in the order of asking; nothing is loaded. */
    static Map<String, long[]> declaredBy(Consumer<Parameters> model) {
        return declaredBy(model, Integer.MAX_VALUE);
    }

    /**
     * The same with a bound, for configs that a file does not bear out.
     *
     * @throws BadWeightsException if {@code model} asks for more than {@code most}
     */
    static Map<String, long[]> declaredBy(Consumer<Parameters> model, int most) {
        Map<String, long[]> declared = new LinkedHashMap<>();
        try (TensorScope scope = TensorScope.open()) {
            Tensor none = new Tensor();
            model.accept((name, shape) -> {
                if (declared.size() == most) {
                    throw new BadWeightsException(
                            "the config describes a model of more than %d weights, far more than its file holds"
                                    .formatted(most));
                }
                if (declared.put(name, shape.clone()) != null) {
                    throw new IllegalStateException("the model declares " + name + " twice");
                }
                return none;
            });
        }
        return declared;
    }
}
