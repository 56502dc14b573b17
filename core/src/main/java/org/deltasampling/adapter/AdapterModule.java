package org.deltasampling.adapter;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collection;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.stream.Collectors;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.adapter.ModuleIndex.Target;
import org.deltasampling.file.Quoted;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.FiniteNumbers;
import org.deltasampling.weights.WeightFile;
import org.jspecify.annotations.Nullable;

/** The tensors of a file that change one module, by the roles that their kind gives them. */
final class AdapterModule {

    /** The role of the number by which files scale a module, or limit it. */
    static final String ALPHA = "alpha";

    private static final int SHOWN = 8;

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

    /**
     * What the product of factors of {@code rank} is multiplied by: alpha / rank, see {@link AdapterSettings#scale}.
     *
     * @throws BadWeightsException if a number that it is made of is wrong
     */
    double scale(Target target, long rank) {
        return settings.scale(target.part(), target.module(), rank, number(ALPHA));
    }

    /** The alpha that the file has for it. */
    OptionalDouble alpha() {
        return number(ALPHA);
    }

    /** As the file names it, for a message. */
    String quotedName() {
        return Quoted.of(name);
    }

    /** Where the file lies. */
    Path path() {
        return file.path();
    }

    /** Number of its tensors whose role begins with {@code prefix}. */
    long count(String prefix) {
        return tensors.keySet().stream().filter(role -> role.startsWith(prefix)).count();
    }

    boolean has(String role) {
        return tensors.containsKey(role);
    }

    /** Roles and shapes of its tensors but the scalars, the first few, for a message. */
    String shapes() {
        return tensors.keySet().stream()
                .filter(role -> tensor(role).shape().length > 0)
                .sorted()
                .limit(SHOWN)
                .map(role ->
                        "%s %s".formatted(role, Arrays.toString(tensor(role).shape())))
                .collect(Collectors.joining(" and "));
    }

    /** Whether one of {@code roles} that it has has no elements, as the factors of a layer of rank 0. */
    boolean lacksElements(Collection<String> roles) {
        return roles.stream()
                .filter(this::has)
                .anyMatch(role -> tensor(role).info().count() == 0);
    }

    /** Length of the first axis of the tensor of that role; 0 if it has none. */
    long rows(String role) {
        return has(role) ? tensor(role).rows() : 0;
    }

    /** Elements in each row of the tensor of that role; 0 if it has none. */
    long columns(String role) {
        return has(role) ? tensor(role).columns() : 0;
    }

    /** The tensor of that role, or null if it has none. */
    @Nullable
    AdapterTensor tensorIfAny(String role) {
        return has(role) ? tensor(role) : null;
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
