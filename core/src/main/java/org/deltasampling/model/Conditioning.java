package org.deltasampling.model;

import java.util.ArrayList;
import java.util.List;
import java.util.function.BinaryOperator;
import java.util.function.IntPredicate;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.nn.DecoupledAttention;
import org.jspecify.annotations.Nullable;

/**
 * All that a network reads beside x and t.
 *
 * @param tokens text embedding, (batch, tokens, width)
 * @param pooled the whole text in one vector, (batch, pooled width); null for networks that do not read it
 * @param sizes height and width of the original image, top and left of what was cropped from it, height and width of the
 *     image, in pixels, (batch, 6); null for networks that do not read them
 * @param copies how many equal tokens the last one stands for
 * @param residuals what is added to the network's hidden states; null: nothing
 * @param imagePrompts what the attention to the text attends to as well
 */
public record Conditioning(
        Tensor tokens,
        @Nullable Tensor pooled,
        @Nullable Tensor sizes,
        long copies,
        @Nullable Residuals residuals,
        List<ImagePrompt> imagePrompts) {

    public Conditioning {
        imagePrompts = List.copyOf(imagePrompts);
    }

    /** A text for a network that reads nothing else. */
    public Conditioning(Tensor tokens) {
        this(tokens, null, null);
    }

    /** A text for a network that reads no sizes. */
    public Conditioning(Tensor tokens, Tensor pooled) {
        this(tokens, pooled, null);
    }

    /** A text each token of which stands for itself. */
    public Conditioning(Tensor tokens, @Nullable Tensor pooled, @Nullable Tensor sizes) {
        this(tokens, pooled, sizes, 1);
    }

    /** A text alone. */
    public Conditioning(Tensor tokens, @Nullable Tensor pooled, @Nullable Tensor sizes, long copies) {
        this(tokens, pooled, sizes, copies, null, List.of());
    }

    /** The same with {@code more} residuals, added to those that it has. */
    public Conditioning with(Residuals more) {
        return new Conditioning(
                tokens, pooled, sizes, copies, residuals == null ? more : residuals.plus(more), imagePrompts);
    }

    /** The same with one more image prompt. */
    public Conditioning with(ImagePrompt prompt) {
        List<ImagePrompt> all = new ArrayList<>(imagePrompts);
        all.add(prompt);
        return new Conditioning(tokens, pooled, sizes, copies, residuals, all);
    }

    /** The same with those of its image prompts, by their numbers, that {@code kept} holds of. */
    public Conditioning withImagePrompts(IntPredicate kept) {
        List<ImagePrompt> some = IntStream.range(0, imagePrompts.size())
                .filter(kept)
                .mapToObj(imagePrompts::get)
                .toList();
        return some.size() == imagePrompts.size()
                ? this
                : new Conditioning(tokens, pooled, sizes, copies, residuals, some);
    }

    /** Of each image prompt, its {@link ImagePrompt#layers layers} at {@code timesteps}. */
    public List<List<DecoupledAttention>> imageLayers(Tensor timesteps) {
        return imagePrompts.stream().map(prompt -> prompt.layers(timesteps)).toList();
    }

    /** Zeros in place of the text: what diffusers' XL takes for an empty negative prompt. */
    public Conditioning zeroed() {
        return new Conditioning(
                torch.zeros_like(tokens),
                pooled == null ? null : torch.zeros_like(pooled),
                sizes,
                copies,
                residuals,
                imagePrompts);
    }

    /** The same of other tensors, each made from one of these. */
    public Conditioning map(UnaryOperator<Tensor> change) {
        return new Conditioning(
                change.apply(tokens),
                pooled == null ? null : change.apply(pooled),
                sizes == null ? null : change.apply(sizes),
                copies,
                residuals == null ? null : residuals.map(change),
                imagePrompts.stream().map(prompt -> prompt.map(change)).toList());
    }

    /** The same for {@code images}: what is for one image is repeated without copying. */
    Conditioning forBatch(long images) {
        return images == 1 ? this : map(tensor -> repeated(tensor, images));
    }

    private static Tensor repeated(Tensor tensor, long images) {
        if (tensor.size(0) == images) {
            return tensor;
        }
        long[] shape = tensor.sizes().vec().get();
        shape[0] = images;
        return tensor.expand(shape);
    }

    /** Whether a network can read both in one batch. */
    boolean fits(Conditioning other) {
        return tokens.size(1) == other.tokens.size(1)
                && copies == other.copies
                && alike(residuals, other.residuals)
                && imagePromptsFit(other.imagePrompts);
    }

    private static boolean alike(@Nullable Residuals some, @Nullable Residuals others) {
        if (some == null || others == null) {
            return some == null && others == null;
        }
        return some.alike(others);
    }

    private boolean imagePromptsFit(List<ImagePrompt> others) {
        boolean fit = imagePrompts.size() == others.size();
        for (int i = 0; fit && i < others.size(); i++) {
            fit = imagePrompts.get(i).alike(others.get(i));
        }
        return fit;
    }

    /** First the images of this, then those of {@code other}, which is for the same network and {@link #fits}. */
    Conditioning join(Conditioning other) {
        BinaryOperator<Tensor> both = (a, b) -> torch.cat(new TensorVector(a, b), 0);
        List<ImagePrompt> prompts = new ArrayList<>();
        for (int i = 0; i < imagePrompts.size(); i++) {
            prompts.add(imagePrompts.get(i).combine(other.imagePrompts.get(i), both));
        }
        return new Conditioning(
                both.apply(tokens, other.tokens),
                pooled == null || other.pooled == null ? null : both.apply(pooled, other.pooled),
                sizes == null || other.sizes == null ? null : both.apply(sizes, other.sizes),
                copies,
                residuals == null || other.residuals == null ? null : residuals.combine(other.residuals, both),
                prompts);
    }
}
