package org.deltasampling.model.ipadapter;

import java.util.Arrays;
import java.util.Optional;
import java.util.Set;
import org.deltasampling.model.ImageEncoder.Output;

/** The published kinds of IP-Adapters, told apart by the names in their image projection. */
public enum IpAdapterKind {
    /** A linear layer to a few tokens, from the image embedding. */
    PLAIN("an IP-Adapter", Output.EMBEDDING, false, "proj.weight", "proj.weight", "norm.weight"),

    /** As many tokens as the encoder has, each through two linear layers. */
    FULL_FACE("a full-face IP-Adapter", Output.HIDDEN_STATES, true, "proj.3.weight", "proj.0.weight", "proj.3.weight"),

    /** A {@link Resampler} that depends on the timestep, for the transformers of SD-3. */
    TIMED(
            "an IP-Adapter with a timestep",
            Output.HIDDEN_STATES,
            false,
            "time_embedding.linear_1.weight",
            "proj_in.weight",
            "norm_out.weight"),

    /** A {@link Resampler}; those for faces ("plus-face") have the same form. */
    PLUS("an IP-Adapter Plus", Output.HIDDEN_STATES, true, "latents", "proj_in.weight", "norm_out.weight");

    private final String title;
    private final Output reads;
    private final boolean zeroImage;
    private final String sign;
    private final String features;
    private final String width;

    IpAdapterKind(String title, Output reads, boolean zeroImage, String sign, String features, String width) {
        this.title = title;
        this.reads = reads;
        this.zeroImage = zeroImage;
        this.sign = sign;
        this.features = features;
        this.width = width;
    }

    /** That of a file of these names; empty if it is none of these. */
    static Optional<IpAdapterKind> of(Set<String> names) {
        return Arrays.stream(values())
                .filter(kind -> names.contains(IpAdapterForm.PROJECTION + "." + kind.sign))
                .findFirst();
    }

    /** What it is, for people, with an article. */
    public String title() {
        return title;
    }

    /** What it reads of the image encoder. */
    public Output reads() {
        return reads;
    }

    /**
     * Whether its unconditional prompt is what the encoder makes of an image of zeros; otherwise it is made of zeros in place of
     * the encoder's output.
     */
    boolean zeroImage() {
        return zeroImage;
    }

    /** The weight whose second axis is as wide as what it reads. */
    String features() {
        return features;
    }

    /** The weight of the norm of its tokens. */
    String width() {
        return width;
    }
}
