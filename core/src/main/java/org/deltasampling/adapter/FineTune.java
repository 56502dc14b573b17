package org.deltasampling.adapter;

import java.util.Arrays;
import java.util.List;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.WeightSource;

/** The weights of another checkpoint of the same model. */
public record FineTune(WeightSource tuned) implements Adapter {

    /**
     * The tensors of {@code tuned}, and those of {@code base} that it lacks.
     *
     * @throws BadWeightsException if {@code tuned} has other names or shapes: it is then tuned from another model
     */
    @Override
    public WeightSource weights(WeightSource base) {
        List<String> foreign = tuned.names().stream()
                .filter(n -> !base.names().contains(n)
                        || !Arrays.equals(base.info(n).shape(), tuned.info(n).shape()))
                .toList();
        if (!foreign.isEmpty()) {
            throw new BadWeightsException(
                    "%s is not a fine-tune of %s: %d of its weights have other names or shapes, such as %s"
                            .formatted(
                                    tuned.origin(), base.origin(), foreign.size(), tuned.nameInFile(foreign.get(0))));
        }
        return new Overlay(
                base,
                tuned.origin(),
                tuned.names()::contains,
                name -> tuned.load(name).to(base.info(name).type()));
    }
}
