package org.deltasampling.lab;

import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.model.vae.AutoencoderKl;
import org.deltasampling.tensor.Held;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.text.ClipTokenizer;

/** Latents in a model's scaled units, (count, 4, 8, 8), each with the ids of its two captions, (count, 2, 32). */
final class Captioned implements AutoCloseable {

    private static final int CHUNK = 32;

    private final Held latents;
    private final Held captions;
    private final Held empty;

    private Captioned(Held latents, Held captions, Held empty) {
        this.latents = latents;
        this.captions = captions;
        this.empty = empty;
    }

    /** Encodes all pictures once and for all, to the means. */
    static Captioned of(Pictures pictures, AutoencoderKl autoencoder, ClipTokenizer tokenizer) {
        try (TensorScope scope = TensorScope.open()) {
            Tensor latents = means(pictures, autoencoder)
                    .mul_(new Scalar(autoencoder.latentSpace().scale()));
            long[] empty = tokenizer.encode("").ids();
            long[] ids = new long[pictures.count() * 2 * empty.length];
            for (int i = 0; i < pictures.count(); i++) {
                Drawing drawing = pictures.drawing(i);
                long[] full = tokenizer.encode(drawing.caption()).ids();
                long[] brief = tokenizer.encode(drawing.shortCaption()).ids();
                System.arraycopy(full, 0, ids, 2 * i * empty.length, empty.length);
                System.arraycopy(brief, 0, ids, (2 * i + 1) * empty.length, empty.length);
            }
            return new Captioned(
                    Held.of(latents),
                    Held.of(torch.tensor(ids).view(pictures.count(), 2, empty.length)),
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

    /** A batch of latents, (count, 4, 8, 8), and ids, (count, 32): three captions in four brief, one in ten empty. */
    Batch random(int count) {
        Tensor places =
                torch.randint(latents.tensor().size(0), new long[] {count}).to(torch.ScalarType.Long);
        Tensor both = captions.tensor().index_select(0, places); // (count, 2, 32)
        Tensor brief = torch.rand(count, 1).lt(new Scalar(0.75));
        Tensor dropped = torch.rand(count, 1).lt(new Scalar(0.1));
        Tensor ids = torch.where(brief, both.select(1, 1), both.select(1, 0));
        return new Batch(latents.tensor().index_select(0, places), torch.where(dropped, empty.tensor(), ids));
    }

    /** Clean latents and the ids of their captions. */
    record Batch(Tensor latents, Tensor ids) {}

    @Override
    public void close() {
        List.of(latents, captions, empty).forEach(Held::close);
    }
}
