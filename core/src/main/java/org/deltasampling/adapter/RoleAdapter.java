package org.deltasampling.adapter;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.BinaryOperator;
import java.util.function.UnaryOperator;
import org.deltasampling.model.Backbone;

/**
 * All that adapters change in the model of one role, from outside: what its parts read as weights, words that its text encoders
 * know besides, and its denoising network.
 *
 * @param weights changes by the names of parts, see {@code model.Checkpoint.parts}
 * @param words of text encoders by the names of parts
 * @param backbone wraps the denoising network, as a ControlNet does, which computes residuals and hands them to the inner one
 */
public record RoleAdapter(
        Map<String, Adapter> weights, Map<String, AddedWords> words, UnaryOperator<Backbone> backbone) {

    /** Changes nothing. */
    public static final RoleAdapter NONE = new RoleAdapter(Map.of(), Map.of(), UnaryOperator.identity());

    public RoleAdapter {
        weights = Map.copyOf(weights);
        words = Map.copyOf(words);
    }

    /** Changes of weights alone. */
    public static RoleAdapter ofWeights(Map<String, Adapter> weights) {
        return new RoleAdapter(weights, Map.of(), UnaryOperator.identity());
    }

    /** This, then {@code next} upon its result; of a word that both know it is {@code next}'s. */
    public RoleAdapter then(RoleAdapter next) {
        return new RoleAdapter(
                merged(weights, next.weights, Adapter::then),
                merged(words, next.words, AddedWords::with),
                network -> next.backbone.apply(backbone.apply(network)));
    }

    private static <T> Map<String, T> merged(Map<String, T> first, Map<String, T> next, BinaryOperator<T> both) {
        Map<String, T> all = new LinkedHashMap<>(first);
        next.forEach((part, change) -> all.merge(part, change, both));
        return all;
    }

    /** The change of the weights of {@code part}. */
    public Adapter weightsOf(String part) {
        return weights.getOrDefault(part, Adapter.NONE);
    }

    /** The words that the text encoder {@code part} knows besides. */
    public AddedWords wordsOf(String part) {
        return words.getOrDefault(part, AddedWords.NONE);
    }
}
