package org.deltasampling.model;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.BinaryOperator;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.nn.DecoupledAttention;

/**
 * An image prompt that is the same at every timestep: keys and values that are made once, from the prompt's tokens.
 *
 * @param layers see {@link ImagePrompt#layers}
 */
public record ImageTokens(List<DecoupledAttention> layers) implements ImagePrompt {

    public ImageTokens {
        layers = List.copyOf(layers);
    }

    @Override
    public List<DecoupledAttention> layers(Tensor timesteps) {
        return layers;
    }

    @Override
    public ImageTokens map(UnaryOperator<Tensor> change) {
        return new ImageTokens(layers.stream()
                .map(l -> new DecoupledAttention(
                        change.apply(l.keys()), change.apply(l.values()), l.scale(), l.queryNorm(), l.keyNorm()))
                .toList());
    }

    @Override
    public ImageTokens combine(ImagePrompt other, BinaryOperator<Tensor> both) {
        List<DecoupledAttention> others = ((ImageTokens) other).layers;
        List<DecoupledAttention> all = new ArrayList<>();
        for (int i = 0; i < layers.size(); i++) {
            DecoupledAttention a = layers.get(i);
            DecoupledAttention b = others.get(i);
            all.add(new DecoupledAttention(
                    both.apply(a.keys(), b.keys()),
                    both.apply(a.values(), b.values()),
                    a.scale(),
                    a.queryNorm(),
                    a.keyNorm()));
        }
        return new ImageTokens(all);
    }

    @Override
    public boolean alike(ImagePrompt other) {
        if (!(other instanceof ImageTokens tokens) || layers.size() != tokens.layers.size()) {
            return false;
        }
        for (int i = 0; i < layers.size(); i++) {
            DecoupledAttention a = layers.get(i);
            DecoupledAttention b = tokens.layers.get(i);
            boolean same = a.scale() == b.scale()
                    && Objects.equals(a.queryNorm(), b.queryNorm())
                    && Objects.equals(a.keyNorm(), b.keyNorm())
                    && a.keys().size(2) == b.keys().size(2);
            if (!same) {
                return false;
            }
        }
        return true;
    }
}
