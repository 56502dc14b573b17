package org.deltasampling.model;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.BinaryOperator;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.nn.DecoupledAttention;

/**
 * An image prompt as an IP-Adapter gives it to a network (Ye et al. 2023): for each of its attention layers that read the
 * text, keys and values made from the prompt's tokens by projections of the adapter's own. They depend neither on x nor on
 * t, so they are made once for an image prompt.
 *
 * @param layers in the order in which the network runs them: down blocks, middle block, up blocks of a UNet (its {@code
 *     attn2}); all blocks of a transformer. Norms among them are where the network's weights are
 */
public record ImageTokens(List<DecoupledAttention> layers) {

    public ImageTokens {
        layers = List.copyOf(layers);
    }

    ImageTokens map(UnaryOperator<Tensor> change) {
        return new ImageTokens(layers.stream()
                .map(l -> new DecoupledAttention(
                        change.apply(l.keys()), change.apply(l.values()), l.scale(), l.queryNorm(), l.keyNorm()))
                .toList());
    }

    /** Each tensor of this and {@code other}'s in its place, by {@code both}. */
    ImageTokens combine(ImageTokens other, BinaryOperator<Tensor> both) {
        List<DecoupledAttention> all = new ArrayList<>();
        for (int i = 0; i < layers.size(); i++) {
            DecoupledAttention a = layers.get(i);
            DecoupledAttention b = other.layers.get(i);
            all.add(new DecoupledAttention(
                    both.apply(a.keys(), b.keys()),
                    both.apply(a.values(), b.values()),
                    a.scale(),
                    a.queryNorm(),
                    a.keyNorm()));
        }
        return new ImageTokens(all);
    }

    /** Whether both are of one adapter and of the same number of tokens. */
    boolean alike(ImageTokens other) {
        if (layers.size() != other.layers.size()) {
            return false;
        }
        for (int i = 0; i < layers.size(); i++) {
            DecoupledAttention a = layers.get(i);
            DecoupledAttention b = other.layers.get(i);
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
