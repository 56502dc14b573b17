package org.deltasampling.model.mmdit;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.nn.DecoupledAttention;
import org.deltasampling.nn.DotProduct;
import org.deltasampling.nn.Linear;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.TensorScope;
import org.jspecify.annotations.Nullable;

/**
 * One joint block: attention over both streams, then a feed-forward in each. The text of the last block only takes part
 * in the attention, since nothing reads it after.
 */
final class JointBlock {

    static final double EPS = 1e-6;

    private final int number;
    private final long count;
    private final Linear imageModulation;
    private final Linear textModulation;
    private final Projections image;
    private final Projections text;
    private final Linear imageOut;
    private final FeedForward imageFeedForward;
    private final @Nullable Linear textOut;
    private final @Nullable FeedForward textFeedForward;
    private final @Nullable Projections secondAttention;
    private final @Nullable Linear secondOut;

    /** @param last whether nothing reads the text after it */
    JointBlock(Blocks c, int number, boolean last, Parameters p) {
        this.number = number;
        count = c.count();
        boolean dual = c.dual().contains((long) number);
        imageModulation = Linear.of(p.at("norm1.linear"), c.width(), (dual ? 9 : 6) * c.width());
        textModulation = Linear.of(p.at("norm1_context.linear"), c.width(), (last ? 2 : 6) * c.width());
        image = Projections.ofImage(c, p.at("attn"));
        text = Projections.ofText(c, p.at("attn"));
        imageOut = Linear.of(p.at("attn.to_out.0"), c.width(), c.width());
        imageFeedForward = FeedForward.of(c, p.at("ff"));
        textOut = last ? null : Linear.of(p.at("attn.to_add_out"), c.width(), c.width());
        textFeedForward = last ? null : FeedForward.of(c, p.at("ff_context"));
        secondAttention = dual ? Projections.ofImage(c, p.at("attn2")) : null;
        secondOut = dual ? Linear.of(p.at("attn2.to_out.0"), c.width(), c.width()) : null;
    }

    /** Both streams one after the other, (b, n + t, d), to the same; after the last block the text is as it was. */
    Tensor apply(Tensor both, Inputs inputs) {
        long n = inputs.n();
        long t = both.size(1) - n;
        Tensor x = both.narrow(1, 0, n);
        Tensor y = both.narrow(1, n, t);
        Modulations ofX = Modulations.of(imageModulation, inputs.embedding());
        Modulations ofY = textOut == null ? null : Modulations.of(textModulation, inputs.embedding());
        Modulation beforeAttention =
                ofY == null ? Modulation.scaleAndShift(textModulation, inputs.embedding()) : ofY.attention();
        Tensor normed = Modulation.norm(x);
        Tensor attended = TensorScope.scopedTensor(() -> attend(
                ofX.attention().apply(normed), beforeAttention.apply(Modulation.norm(y)), inputs)); // (b, n + t, d)
        Tensor newX = ofX.attention().add(x, imageOut.apply(attended.narrow(1, 0, n)));
        if (secondAttention != null && secondOut != null && ofX.secondAttention() != null) {
            Projections.Heads own = secondAttention.apply(ofX.secondAttention().apply(normed));
            Tensor result = DotProduct.attend(own.normedQueries(), own.normedKeys(), own.values());
            newX = ofX.secondAttention().add(newX, secondOut.apply(result));
        }
        Tensor newY = y;
        if (textOut != null && textFeedForward != null && ofY != null) {
            newY = textFeedForward.addTo(
                    ofY.attention().add(y, textOut.apply(attended.narrow(1, n, t))), ofY.feedForward());
        }
        newX = imageFeedForward.addTo(newX, ofX.feedForward());
        Tensor residual = inputs.residuals() == null ? null : inputs.residuals().afterBlock(number, count);
        if (residual != null) {
            newX = newX.add(residual.to(x.scalar_type()));
        }
        return torch.cat(new TensorVector(newX, newY), 1);
    }

    private Tensor attend(Tensor x, Tensor y, Inputs inputs) {
        Projections.Heads ofX = image.apply(x);
        Projections.Heads ofY = text.apply(y);
        Tensor q = torch.cat(new TensorVector(ofX.normedQueries(), ofY.normedQueries()), 2);
        Tensor k = torch.cat(new TensorVector(ofX.normedKeys(), ofY.normedKeys()), 2);
        Tensor v = torch.cat(new TensorVector(ofX.values(), ofY.values()), 2);
        Tensor attended = DotProduct.attend(q, k, v, inputs.bias()); // (b, n + t, d)
        if (inputs.imageLayers().isEmpty()) {
            return attended;
        }
        Tensor ofImage = attended.narrow(1, 0, inputs.n());
        for (List<DecoupledAttention> layers : inputs.imageLayers()) {
            ofImage = layers.get(number).addTo(ofImage, ofX.queries(), ofX.keys(), ofX.values());
        }
        return torch.cat(new TensorVector(ofImage, attended.narrow(1, inputs.n(), y.size(1))), 1);
    }
}
