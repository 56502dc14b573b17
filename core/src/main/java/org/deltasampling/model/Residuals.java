package org.deltasampling.model;

import java.util.ArrayList;
import java.util.List;
import java.util.function.BinaryOperator;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.tensor.Carried;
import org.deltasampling.tensor.TensorValue;
import org.jspecify.annotations.Nullable;

/**
 * What a network beside a backbone adds to its hidden states: a ControlNet (Zhang et al. 2023) or a T2I-Adapter (Mou et al.
 * 2023). The shapes are those of the hidden states.
 *
 * @param blocks of a UNet: added to the skip connections, in the order in which the down blocks make them, {@code conv_in}'s
 *     first; of a transformer: added to the image's hidden states after each block but the last, fewer than blocks being
 *     spread evenly. Empty: nothing
 * @param middle added after a UNet's middle block; null: nothing
 * @param levels added at the end of a UNet's down blocks, from the finest on, and so to all that follows: in those with
 *     transformers before the downsampler, in the others after it. Empty: nothing
 */
public record Residuals(List<Tensor> blocks, @Nullable Tensor middle, List<Tensor> levels) implements Carried {

    public Residuals {
        blocks = List.copyOf(blocks);
        levels = List.copyOf(levels);
    }

    /** Those of a ControlNet of a UNet. */
    public static Residuals ofSkips(List<Tensor> skips, Tensor middle) {
        return new Residuals(skips, middle, List.of());
    }

    /** Those of a ControlNet of a transformer. */
    public static Residuals ofBlocks(List<Tensor> blocks) {
        return new Residuals(blocks, null, List.of());
    }

    /** Those of a T2I-Adapter. */
    public static Residuals ofLevels(List<Tensor> levels) {
        return new Residuals(List.of(), null, levels);
    }

    /** Both together, for the same network. */
    public Residuals plus(Residuals other) {
        return combine(other, Tensor::add);
    }

    /** These, each multiplied by more than the one before: from a tenth of the first block's to the whole of the middle's. */
    public Residuals rising() {
        List<Tensor> risen = new ArrayList<>();
        for (int i = 0; i < blocks.size(); i++) {
            risen.add(blocks.get(i).mul(new Scalar(Math.pow(10, (double) i / blocks.size() - 1))));
        }
        return new Residuals(risen, middle, levels);
    }

    /** The residual after block {@code index} of {@code count} blocks of a transformer; null: none. */
    public @Nullable Tensor afterBlock(int index, long count) {
        return blocks.isEmpty() || index == count - 1 ? null : blocks.get((int) ((long) index * blocks.size() / count));
    }

    /** The residual of skip connection {@code index} of a UNet; null: none. */
    public @Nullable Tensor ofSkip(int index) {
        return index < blocks.size() ? blocks.get(index) : null;
    }

    /** The residual of down block {@code level} of a UNet; null: none. */
    public @Nullable Tensor ofLevel(int level) {
        return level < levels.size() ? levels.get(level) : null;
    }

    @Override
    public List<TensorValue> tensors() {
        return Stream.of(blocks.stream(), Stream.ofNullable(middle), levels.stream())
                .flatMap(tensors -> tensors)
                .map(tensor -> (TensorValue) () -> tensor)
                .toList();
    }

    Residuals map(UnaryOperator<Tensor> change) {
        return new Residuals(
                blocks.stream().map(change).toList(),
                middle == null ? null : change.apply(middle),
                levels.stream().map(change).toList());
    }

    /** Each of these with the other's in its place, by {@code both}; what only one has is kept. */
    Residuals combine(Residuals other, BinaryOperator<Tensor> both) {
        return new Residuals(
                combined(blocks, other.blocks, both),
                middle == null || other.middle == null
                        ? middle == null ? other.middle : middle
                        : both.apply(middle, other.middle),
                combined(levels, other.levels, both));
    }

    private static List<Tensor> combined(List<Tensor> some, List<Tensor> others, BinaryOperator<Tensor> both) {
        List<Tensor> longer = some.size() < others.size() ? others : some;
        List<Tensor> all = new ArrayList<>();
        for (int i = 0; i < longer.size(); i++) {
            all.add(i < some.size() && i < others.size() ? both.apply(some.get(i), others.get(i)) : longer.get(i));
        }
        return all;
    }

    /** Whether these and {@code other} are added in the same places. */
    boolean alike(Residuals other) {
        return blocks.size() == other.blocks.size()
                && (middle == null) == (other.middle == null)
                && levels.size() == other.levels.size();
    }
}
