package org.deltasampling.adapter;

import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.adapter.AdapterKind.Roles;
import org.deltasampling.adapter.AdapterKind.Sizes;
import org.deltasampling.adapter.AdapterKind.TensorKey;
import org.deltasampling.adapter.ModuleIndex.Target;

/**
 * A low-rank change (LoRA, Hu et al. 2021), merged: W + strength * (alpha / rank) * B A. Between the factors of a convolution may
 * be a kernel of its own, the core of a Tucker decomposition (LoCon).
 */
public final class LowRank implements WeightChange {

    private static final String DOWN = "down";
    private static final String UP = "up";
    private static final String MID = "mid";

    static final AdapterKind KIND = new AdapterKind(
            "LoRA",
            "weight",
            WeightDecomposition.keys("kohya", keys()),
            Roles.all(DOWN, UP),
            new Sizes(module -> module.rows(DOWN), module -> module.columns(DOWN)),
            LowRank::read);

    private final AdapterTensor down;
    private final AdapterTensor up;
    private final UnaryOperator<Tensor> rows;
    private final double scale;

    private LowRank(AdapterTensor down, AdapterTensor up, UnaryOperator<Tensor> rows, double scale) {
        this.down = down;
        this.up = up;
        this.rows = rows;
        this.scale = scale;
    }

    /** kohya's scripts, PEFT (whose adapters may have a name), and diffusers before PEFT in three ways. */
    private static List<TensorKey> keys() {
        List<TensorKey> keys = new ArrayList<>();
        keys.addAll(keys("kohya", ".lora_down.weight", ".lora_up.weight"));
        keys.add(new TensorKey("kohya", ".lora_mid.weight", MID).adding("a Tucker core"));
        keys.addAll(keys("PEFT", ".lora_A.weight", ".lora_B.weight"));
        keys.addAll(keys("PEFT", ".lora_A.*.weight", ".lora_B.*.weight"));
        keys.addAll(keys("PEFT", ".lora_A", ".lora_B"));
        keys.addAll(keys("diffusers", ".lora.down.weight", ".lora.up.weight"));
        keys.addAll(keys("diffusers", ".lora_linear_layer.down.weight", ".lora_linear_layer.up.weight"));
        keys.addAll(keys("diffusers", "_lora.down.weight", "_lora.up.weight"));
        return keys;
    }

    private static List<TensorKey> keys(String format, String down, String up) {
        return List.of(new TensorKey(format, down, DOWN), new TensorKey(format, up, UP));
    }

    private static WeightChange read(AdapterModule module, Target target) {
        AdapterTensor down = module.tensor(DOWN);
        AdapterTensor mid = module.tensorIfAny(MID);
        AdapterTensor reading = mid == null ? down : Factors.throughCore(mid, down);
        LowRank change = of(reading, module.tensor(UP), target.rows(), module.scale(target, down.rows()));
        return WeightDecomposition.over(change, module, target);
    }

    /**
     * The change of one of the weights that a layer stacks.
     *
     * @param rows what the weight takes of the rows of {@code up}
     */
    static LowRank of(AdapterTensor down, AdapterTensor up, UnaryOperator<Tensor> rows, double scale) {
        return new LowRank(down, up, rows, scale);
    }

    /**
     * The change of one weight W (out, in) or (out, in, height, width).
     *
     * @param down A, (rank, in) or (rank, in, height, width); borrowed
     * @param up B, (out, rank) or (out, rank, 1, 1); borrowed
     * @param scale alpha / rank
     */
    public static LowRank of(Tensor down, Tensor up, double scale) {
        return new LowRank(AdapterTensor.of(down), AdapterTensor.of(up), UnaryOperator.identity(), scale);
    }

    /** Whether up (out, rank) times down (rank, in ...) has the elements of the weight (out, in ...). */
    @Override
    public boolean fits(long[] shape) {
        return shape.length >= 2
                && up.shape().length >= 2
                && down.shape().length >= 2
                && up.rows() == shape[0]
                && up.shape()[1] == down.rows()
                && up.columns() == down.rows()
                && down.columns() * shape[0] == Wide.count(shape);
    }

    @Override
    public Tensor apply(Tensor weight, double strength) {
        return merge(weight, down.load(), rows.apply(up.load()), strength * scale);
    }

    /**
     * {@code w + scale * up down} in the type and shape of {@code w}, computed in float32 at least; gradients pass to all
     * three. A 1x1 convolution and a linear weight are the same.
     */
    public static Tensor merge(Tensor w, Tensor down, Tensor up, double scale) {
        Tensor product = torch.mm(
                Wide.like(up, w).reshape(up.size(0), -1), Wide.like(down, w).reshape(down.size(0), -1));
        return Wide.add(w, product, scale);
    }
}
