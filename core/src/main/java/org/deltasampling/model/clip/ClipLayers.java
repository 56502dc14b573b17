package org.deltasampling.model.clip;

import org.deltasampling.file.Quoted;
import org.deltasampling.model.Settings;
import org.deltasampling.nn.Activation;

/**
 * The form of a transformer of the CLIP kind.
 *
 * @param inner width of the feed-forwards
 * @param eps of the norms
 */
public record ClipLayers(long count, long width, long inner, long heads, Activation activation, double eps) {

    /**
     * From transformers' config.json; what it does not have is that of {@code otherwise}.
     *
     * @throws org.deltasampling.weights.BadWeightsException with the key and why
     */
    static ClipLayers read(Settings s, ClipLayers otherwise) {
        return new ClipLayers(
                s.count("num_hidden_layers", otherwise.count),
                s.count("hidden_size", otherwise.width),
                s.count("intermediate_size", otherwise.inner),
                s.count("num_attention_heads", otherwise.heads),
                s.json().hasNonNull("hidden_act") ? activation(s, s.text("hidden_act", "")) : otherwise.activation,
                s.positive("layer_norm_eps", otherwise.eps));
    }

    private static Activation activation(Settings s, String name) {
        return switch (name) {
            case "gelu" -> Activation.GELU;
            case "quick_gelu" -> Activation.QUICK_GELU;
            case "gelu_pytorch_tanh" -> Activation.GELU_TANH;
            default ->
                throw s.refused(
                        "hidden_act",
                        "is %s, which is not implemented (only gelu, quick_gelu and gelu_pytorch_tanh are)"
                                .formatted(Quoted.of(name)));
        };
    }

    ClipLayers with(Activation other) {
        return new ClipLayers(count, width, inner, heads, other, eps);
    }
}
