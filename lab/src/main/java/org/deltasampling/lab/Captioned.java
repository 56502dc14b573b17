package org.deltasampling.lab;

import java.util.List;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.model.vae.AutoencoderKl;
import org.deltasampling.tensor.Held;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.text.ClipTokenizer;

/**
 * Latents in a model's scaled units, (count, 4, 8, 8), each with the ids of its captions, (count, 4, 32): the full one
 * twice, a short one, and one with made-up words, so that a word which a model has never met tells it nothing.
 */
final class Captioned implements AutoCloseable {

    private static final int CHUNK = 32;
    private static final int CAPTIONS = 4;

    private final Held latents;
    private final Held captions;
    private final Held empty;

    private Captioned(Held latents, Held captions, Held empty) {
        this.latents = latents;
        this.captions = captions;
        this.empty = empty;
    }

    /** Encodes all pictures once and for all, to the means; made-up words follow from {@code seed}. */
    static Captioned of(Pictures pictures, AutoencoderKl autoencoder, ClipTokenizer tokenizer, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        try (TensorScope scope = TensorScope.open()) {
            Tensor latents = means(pictures, autoencoder)
                    .mul_(new Scalar(autoencoder.latentSpace().scale()));
            long[] empty = tokenizer.encode("").ids();
            long[] ids = new long[pictures.count() * CAPTIONS * empty.length];
            for (int i = 0; i < pictures.count(); i++) {
                Drawing drawing = pictures.drawing(i);
                List<String> captions = List.of(
                        drawing.caption(), drawing.caption(), drawing.shortCaption(), drawing.strangeCaption(random));
                for (int j = 0; j < CAPTIONS; j++) {
                    long[] one = tokenizer.encode(captions.get(j)).ids();
                    System.arraycopy(one, 0, ids, (CAPTIONS * i + j) * empty.length, empty.length);
                }
            }
            return new Captioned(
                    Held.of(latents),
                    Held.of(torch.tensor(ids).view(pictures.count(), CAPTIONS, empty.length)),
                    Held.of(torch.tensor(empty)));
        }
    }

    /** The means of all pictures' latents in the autoencoder's units, (count, 4, 8, 8). */
    static Tensor means(Pictures pictures, AutoencoderKl autoencoder) {
        Tensor all = torch.zeros(pictures.count(), 4, Drawing.SIZE / 8, Drawing.SIZE / 8);
        for (int from = 0; from < pictures.count(); from += CHUNK) {
            try (TensorScope scope = TensorScope.open()) {
                int count = Math.min(CHUNK, pictures.count() - from);
                all.narrow(0, from, count)
                        .copy_(autoencoder.encode(pictures.range(from, count)).mean());
            }
        }
        return all;
    }

    /** A batch of latents, (count, 4, 8, 8), and ids, (count, 32): any of a picture's captions, one in ten empty. */
    Batch random(int count) {
        Tensor places =
                torch.randint(latents.tensor().size(0), new long[] {count}).to(torch.ScalarType.Long);
        Tensor which = torch.randint(CAPTIONS, new long[] {count}).to(torch.ScalarType.Long);
        Tensor told = captions.tensor()
                .flatten(0, 1)
                .index_select(0, places.mul(new Scalar(CAPTIONS)).add(which));
        Tensor dropped = torch.rand(count, 1).lt(new Scalar(0.1));
        return new Batch(latents.tensor().index_select(0, places), torch.where(dropped, empty.tensor(), told));
    }

    /** Clean latents and the ids of their captions. */
    record Batch(Tensor latents, Tensor ids) {}

    @Override
    public void close() {
        List.of(latents, captions, empty).forEach(Held::close);
    }
}
