package org.deltasampling.adapter;

import java.util.List;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.adapter.AdapterKind.Roles;
import org.deltasampling.adapter.AdapterKind.Sizes;
import org.deltasampling.adapter.AdapterKind.TensorKey;
import org.deltasampling.adapter.ModuleIndex.Target;
import org.deltasampling.weights.BadWeightsException;
import org.jspecify.annotations.Nullable;

/**
 * Diag-OFT: each block of a layer's outputs is rotated, W + strength * (c R W - W). R is made of {@code oft_blocks}, which the
 * strength weakens as well, as in ComfyUI, so that without c it counts twice; or it is stored itself, as {@code oft_diag}.
 *
 * @param blocks (number, size, size)
 * @param rotations whether the blocks are rotations
 * @param constraint as of {@link Orthogonal#cayley}
 */
record BlockRotation(
        AdapterTensor blocks,
        boolean rotations,
        double constraint,
        @Nullable AdapterTensor rescale,
        Target target) implements WeightChange {

    private static final String BLOCKS = "blocks";
    private static final String ROTATIONS = "rotations";
    private static final String RESCALE = "rescale";

    static final AdapterKind KIND = new AdapterKind(
            "OFT",
            "weight",
            List.of(
                    new TensorKey("LyCORIS", ".oft_blocks", BLOCKS).ofAxes(3),
                    new TensorKey("LyCORIS", ".oft_diag", ROTATIONS).ofAxes(3),
                    new TensorKey("LyCORIS", ".rescale", RESCALE).adding("rescaling"),
                    TensorKey.alpha("LyCORIS")),
            Roles.oneOf(List.of(Set.of(BLOCKS), Set.of(ROTATIONS))),
            Sizes.NONE,
            BlockRotation::read);

    private static WeightChange read(AdapterModule module, Target target) {
        boolean rotations = module.has(ROTATIONS);
        AdapterTensor blocks = module.tensor(rotations ? ROTATIONS : BLOCKS);
        if (target.sharing() > 1 && target.shape()[0] % blocks.shape()[1] != 0) {
            throw new BadWeightsException(
                    "%s has OFT blocks of %d rows in %s that reach across the %d weights of %d rows that it stacks, which this model holds one by one: use another adapter"
                            .formatted(
                                    module.path(),
                                    blocks.shape()[1],
                                    module.quotedName(),
                                    target.sharing(),
                                    target.shape()[0]));
        }
        return new BlockRotation(blocks, rotations, module.alpha().orElse(0), module.tensorIfAny(RESCALE), target);
    }

    @Override
    public boolean fits(long[] shape) {
        long[] sizes = blocks.shape();
        return shape.length >= 2
                && sizes[1] == sizes[2]
                && sizes[0] * sizes[1] == shape[0]
                && Orthogonal.fits(rescale, shape);
    }

    @Override
    public Tensor apply(Tensor weight, double strength) {
        Tensor stored = Wide.like(blocks.load(), weight);
        Tensor rotation = rotations ? stored : Orthogonal.partly(Orthogonal.cayley(stored, constraint), strength);
        return Orthogonal.change(
                weight,
                strength,
                target,
                rescale,
                rows -> torch.bmm(rotation.transpose(1, 2), rows.reshape(stored.size(0), stored.size(1), -1))
                        .reshape(rows.size(0), -1));
    }
}
