package org.deltasampling.tensor;

import java.util.List;

/** What a region may hand to its successor: a value that names every latent it holds. */
public interface Carried {

    /** All latents held; the same one may occur twice. */
    List<Latent> latents();
}
