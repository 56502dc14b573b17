package org.deltasampling.adapter;

import java.util.Arrays;
import java.util.Collection;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.stream.Collectors;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.file.Quoted;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.FiniteNumbers;
import org.deltasampling.weights.WeightFile;

/** The tensors of a file that change one module, by the roles that their kind gives them. */
final class AdapterModule {

    private final WeightFile file;
    private final AdapterSettings settings;
    private final String name;
    private final Map<String, String> tensors;

    /** @param tensors by role, the name in the file */
    AdapterModule(WeightFile file, AdapterSettings settings, String name, Map<String, String> tensors) {
        this.file = file;
        this.settings = settings;
        this.name = name;
        this.tensors = tensors;
    }

    /** What its training was set to, where the file or one beside it says so. */
    AdapterSettings settings() {
        return settings;
    }

    /** Roles and shapes of all its tensors but the scalars, for a message. */
    String shapes() {
        return tensors.keySet().stream()
                .filter(role -> tensor(role).shape().length > 0)
                .sorted()
                .map(role ->
                        "%s %s".formatted(role, Arrays.toString(tensor(role).shape())))
                .collect(Collectors.joining(" and "));
    }

    /** Whether one of {@code roles} has no elements, as the factors of a layer of rank 0. */
    boolean lacksElements(Collection<String> roles) {
        return roles.stream().anyMatch(role -> tensor(role).info().count() == 0);
    }

    /** The tensor of that role, which the module has; loading it throws {@link BadWeightsException} if it is not finite. */
    AdapterTensor tensor(String role) {
        String tensor = Objects.requireNonNull(tensors.get(role), role);
        return new AdapterTensor(file.info(tensor), () -> load(tensor));
    }

    /**
     * The number of that role, where the module has it.
     *
     * @throws BadWeightsException if it is not one finite number
     */
    OptionalDouble number(String role) {
        String tensor = tensors.get(role);
        if (tensor == null) {
            return OptionalDouble.empty();
        }
        long count = file.info(tensor).count();
        if (count != 1) {
            throw new BadWeightsException("%s holds %d numbers as the %s of %s, where one is needed"
                    .formatted(file.path(), count, role, Quoted.of(name)));
        }
        try (TensorScope scope = TensorScope.open()) {
            return OptionalDouble.of(load(tensor).item_double());
        }
    }

    private Tensor load(String tensor) {
        Tensor loaded = file.load(tensor);
        FiniteNumbers.require(loaded, file.origin(), tensor);
        return loaded;
    }
}
