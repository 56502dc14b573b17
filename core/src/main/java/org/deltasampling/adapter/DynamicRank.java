package org.deltasampling.adapter;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.adapter.AdapterKind.Roles;
import org.deltasampling.adapter.AdapterKind.Sizes;
import org.deltasampling.adapter.AdapterKind.TensorKey;
import org.deltasampling.adapter.ModuleIndex.Target;
import org.deltasampling.weights.BadWeightsException;

/**
 * DyLoRA (Valipour et al. 2022) as it is in training, the ranks or blocks of ranks of each factor in tensors of their own:
 * together they are a LoRA. What its trainers save and what is extracted from it is a plain LoRA.
 */
final class DynamicRank {

    private static final String DOWN = "down.";
    private static final String UP = "up.";

    static final AdapterKind KIND = new AdapterKind(
            "DyLoRA",
            "weight",
            List.of(
                    new TensorKey("kohya", ".lora_A.#", DOWN + "#"),
                    new TensorKey("kohya", ".lora_B.#", UP + "#"),
                    new TensorKey("LyCORIS", ".down_list.#", DOWN + "#"),
                    new TensorKey("LyCORIS", ".up_list.#", UP + "#"),
                    TensorKey.alpha("kohya")),
            Roles.all(DOWN + 0, UP + 0),
            new Sizes(DynamicRank::rank, module -> module.columns(DOWN + 0)),
            DynamicRank::read);

    private DynamicRank() {}

    private static long rank(AdapterModule module) {
        return pieces(module, DOWN).stream().mapToLong(AdapterTensor::rows).sum();
    }

    /** Those of consecutive numbers. */
    private static List<AdapterTensor> pieces(AdapterModule module, String half) {
        List<AdapterTensor> pieces = new ArrayList<>();
        while (module.has(half + pieces.size())) {
            pieces.add(module.tensor(half + pieces.size()));
        }
        return pieces;
    }

    private static WeightChange read(AdapterModule module, Target target) {
        List<AdapterTensor> downs = pieces(module, DOWN);
        List<AdapterTensor> ups = pieces(module, UP);
        if (downs.size() != module.count(DOWN) || ups.size() != module.count(UP)) {
            throw new BadWeightsException("%s lacks one of the ranks of the DyLoRA of %s: download or copy it again"
                    .formatted(module.path(), module.quotedName()));
        }
        AdapterTensor down = joined(downs, 0);
        return LowRank.of(down, joined(ups, 1), target.rows(), module.scale(target, down.rows()));
    }

    /** Matrices side by side along {@code axis}; kernels are flattened into columns. */
    private static AdapterTensor joined(List<AdapterTensor> pieces, int axis) {
        long[] shape = {pieces.get(0).rows(), pieces.get(0).columns()};
        for (AdapterTensor piece : pieces.subList(1, pieces.size())) {
            boolean fits = shape[1 - axis] == (axis == 0 ? piece.columns() : piece.rows());
            if (!fits) {
                return AdapterTensor.misfit();
            }
            shape[axis] += axis == 0 ? piece.rows() : piece.columns();
        }
        return AdapterTensor.computed(
                shape,
                () -> torch.cat(
                        new TensorVector(pieces.stream()
                                .map(piece -> Wide.of(piece.load()).reshape(piece.rows(), -1))
                                .toArray(Tensor[]::new)),
                        axis));
    }
}
