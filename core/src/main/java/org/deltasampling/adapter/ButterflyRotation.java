package org.deltasampling.adapter;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.adapter.AdapterKind.Roles;
import org.deltasampling.adapter.AdapterKind.Sizes;
import org.deltasampling.adapter.AdapterKind.TensorKey;
import org.deltasampling.adapter.ModuleIndex.Target;
import org.deltasampling.weights.BadWeightsException;
import org.jspecify.annotations.Nullable;

/**
 * BOFT (Liu et al. 2024): W + strength * (c R W - W), where R is a product of rotations of blocks, each of which takes rows that
 * are twice as far apart as those before it. The strength weakens each rotation as well, as in ComfyUI.
 *
 * @param blocks (rotations, number, size, size)
 * @param constraint as of {@link Orthogonal#cayley}
 */
record ButterflyRotation(
        AdapterTensor blocks, double constraint, @Nullable AdapterTensor rescale, Target target)
        implements WeightChange {

    private static final String BLOCKS = "blocks";
    private static final String RESCALE = "rescale";

    static final AdapterKind KIND = new AdapterKind(
            "BOFT",
            "weight",
            List.of(
                    new TensorKey("LyCORIS", ".oft_blocks", BLOCKS).ofAxes(4),
                    new TensorKey("LyCORIS", ".rescale", RESCALE).adding("rescaling"),
                    TensorKey.alpha("LyCORIS")),
            Roles.all(BLOCKS),
            Sizes.NONE,
            ButterflyRotation::read);

    private static WeightChange read(AdapterModule module, Target target) {
        if (target.sharing() > 1) {
            throw new BadWeightsException(
                    "%s rotates all rows of %s together (BOFT), which stacks %d weights that this model holds one by one: use another adapter"
                            .formatted(module.path(), module.quotedName(), target.sharing()));
        }
        return new ButterflyRotation(
                module.tensor(BLOCKS), module.alpha().orElse(0), module.tensorIfAny(RESCALE), target);
    }

    @Override
    public boolean fits(long[] shape) {
        long[] sizes = blocks.shape();
        long size = sizes[2];
        return shape.length >= 2
                && size == sizes[3]
                && size % 2 == 0
                && sizes[1] * size == shape[0]
                && sizes[0] < Integer.SIZE
                && shape[0] % (size << (sizes[0] - 1)) == 0
                && Orthogonal.fits(rescale, shape);
    }

    @Override
    public Tensor apply(Tensor weight, double strength) {
        Tensor rotations = Orthogonal.partly(Orthogonal.cayley(Wide.like(blocks.load(), weight), constraint), strength);
        return Orthogonal.change(weight, strength, target, rescale, rows -> rotated(rows, rotations));
    }

    private static Tensor rotated(Tensor matrix, Tensor rotations) {
        long size = rotations.size(2);
        long columns = matrix.size(1);
        Tensor rows = matrix;
        for (int i = 0; i < rotations.size(0); i++) {
            long apart = (size / 2) << i;
            Tensor together =
                    rows.reshape(-1, 2, apart, columns).transpose(1, 2).reshape(-1, size, columns);
            rows = torch.bmm(rotations.select(0, i), together)
                    .reshape(-1, apart, 2, columns)
                    .transpose(1, 2)
                    .reshape(-1, columns);
        }
        return rows;
    }
}
