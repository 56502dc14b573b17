package org.deltasampling.model.mmdit;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.nn.Parameters;
import org.deltasampling.weights.BadWeightsException;
import org.jspecify.annotations.Nullable;

/** The image as a row of patches, perhaps each with its position: the middle of the embedding of all positions. */
final class PatchEmbedding {

    private final Tensor weight;
    private final Tensor bias;
    private final @Nullable Tensor positions;
    private final long side;
    private final long patch;

    private PatchEmbedding(Patches c, long width, Parameters p, @Nullable Tensor positions) {
        weight = p.get("proj.weight", width, c.inChannels(), c.size(), c.size());
        bias = p.get("proj.bias", width);
        this.positions = positions;
        side = c.positions();
        patch = c.size();
    }

    static PatchEmbedding withPositions(Patches c, long width, Parameters p) {
        return new PatchEmbedding(c, width, p, p.get("pos_embed", 1, c.positions() * c.positions(), width));
    }

    static PatchEmbedding withoutPositions(Patches c, long width, Parameters p) {
        return new PatchEmbedding(c, width, p, null);
    }

    Tensor apply(Tensor x) {
        Tensor y = torch.conv2d(
                x,
                weight,
                new TensorOptional(bias),
                new long[] {patch, patch},
                new long[] {0, 0},
                new long[] {1, 1},
                1); // (b, d, h, w)
        Tensor patches = y.flatten(2, 3).transpose(1, 2); // (b, h w, d)
        return positions == null ? patches : patches.add(cropped(positions, y.size(2), y.size(3)));
    }

    private Tensor cropped(Tensor all, long height, long width) {
        if (height > side || width > side) {
            throw new BadWeightsException(
                    "the image has %dx%d patches where this model has positions for at most %dx%d: make it smaller"
                            .formatted(width, height, side, side));
        }
        return all.view(side, side, -1)
                .narrow(0, (side - height) / 2, height)
                .narrow(1, (side - width) / 2, width)
                .reshape(1, height * width, -1);
    }
}
