package org.deltasampling.lab;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.model.vae.AutoencoderKl;
import org.deltasampling.tensor.Held;
import org.deltasampling.tensor.ImageTensor;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.text.ClipTokenizer;

/**
 * Latents in a model's scaled units, (count, channels, 8, 8), each with the token ids of four captions for each of the
 * model's tokenizers, (count, 4, tokenizers, 32): the full one twice, a short one, and one with made-up words, so that a
 * model learns to ignore unknown words.
 */
final class CaptionedLatents implements AutoCloseable {

    private static final int CHUNK = 32;
    private static final int CAPTIONS = 4;

    private final Held latents;
    private final Held captions;
    private final Held empty;

    private CaptionedLatents(Held latents, Held captions, Held empty) {
        this.latents = latents;
        this.captions = captions;
        this.empty = empty;
    }

    /** Encodes all images to the means of their latents; the made-up words follow from {@code seed}. */
    static CaptionedLatents of(Images images, AutoencoderKl autoencoder, List<ClipTokenizer> tokenizers, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        try (TensorScope scope = TensorScope.open()) {
            Tensor latents = autoencoder
                    .latentSpace()
                    .rescale(new Latent(means(images, autoencoder)))
                    .tensor();
            List<long[]> ids = new ArrayList<>();
            for (int i = 0; i < images.count(); i++) {
                Drawing drawing = images.drawing(i);
                List<String> captions = List.of(
                        drawing.caption(),
                        drawing.caption(),
                        drawing.shortCaption(),
                        drawing.captionWithMadeUpWords(random));
                captions.forEach(caption -> ids.add(ids(caption, tokenizers)));
            }
            return new CaptionedLatents(
                    Held.of(latents),
                    Held.of(torch.tensor(
                                    ids.stream().flatMapToLong(Arrays::stream).toArray())
                            .view(images.count(), CAPTIONS, tokenizers.size(), -1)),
                    Held.of(torch.tensor(ids("", tokenizers)).view(tokenizers.size(), -1)));
        }
    }

    private static long[] ids(String caption, List<ClipTokenizer> tokenizers) {
        return tokenizers.stream()
                .flatMapToLong(
                        tokenizer -> Arrays.stream(tokenizer.encode(caption).ids()))
                .toArray();
    }

    /** The means of all images' latents in the autoencoder's units, (count, channels, 8, 8). */
    static Tensor means(Images images, AutoencoderKl autoencoder) {
        Tensor all =
                torch.zeros(images.count(), autoencoder.latentSpace().channels(), Drawing.SIZE / 8, Drawing.SIZE / 8);
        for (int from = 0; from < images.count(); from += CHUNK) {
            try (TensorScope scope = TensorScope.open()) {
                int count = Math.min(CHUNK, images.count() - from);
                all.narrow(0, from, count)
                        .copy_(autoencoder
                                .encode(new ImageTensor(images.range(from, count)))
                                .mean()
                                .tensor());
            }
        }
        return all;
    }

    /** A random batch: each image with any of its captions, or, one in ten, with the empty one. */
    Batch random(int count) {
        Tensor places =
                torch.randint(latents.tensor().size(0), new long[] {count}).to(torch.ScalarType.Long);
        Tensor which = torch.randint(CAPTIONS, new long[] {count}).to(torch.ScalarType.Long);
        Tensor ids = captions.tensor()
                .flatten(0, 1)
                .index_select(0, places.mul(new Scalar(CAPTIONS)).add(which));
        Tensor captioned = torch.rand(count, 1).ge(new Scalar(0.1));
        return new Batch(
                latents.tensor().index_select(0, places),
                torch.where(captioned.unsqueeze(2), ids, empty.tensor()),
                captioned);
    }

    /**
     * Latents with captions.
     *
     * @param latents (b, channels, 8, 8)
     * @param ids of their captions, (b, tokenizers, 32)
     * @param captioned whether the caption is not the empty one, (b, 1)
     */
    record Batch(Tensor latents, Tensor ids, Tensor captioned) {}

    @Override
    public void close() {
        List.of(latents, captions, empty).forEach(Held::close);
    }
}
