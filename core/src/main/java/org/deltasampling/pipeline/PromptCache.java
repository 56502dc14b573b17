package org.deltasampling.pipeline;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import org.deltasampling.model.Conditioning;
import org.deltasampling.tensor.CloseTogether;
import org.deltasampling.tensor.Held;
import org.deltasampling.tensor.PixelSize;
import org.deltasampling.tensor.TensorScope;
import org.jspecify.annotations.Nullable;

/** What networks are told of the prompts of an image; kept while the images that follow have the same prompts. */
final class PromptCache implements AutoCloseable {

    /** A text for the networks that have these encoders, and the size of the image that they are told with it. */
    record Prompt(TextEncoders encoders, PixelSize image, String text) {}

    /**
     * What guidance of a role is between.
     *
     * @param negative null: silence
     */
    record Pair(Prompt prompt, @Nullable Prompt negative) {}

    private record Group(TextEncoders encoders, PixelSize image) {}

    /** What a network is told, in memory of its own. */
    private static final class Told implements AutoCloseable {

        private final CloseTogether owned = new CloseTogether();
        private final Conditioning conditioning;

        Told(Conditioning encoded) {
            conditioning = encoded.map(tensor -> owned.keep(Held.of(tensor)).tensor());
        }

        @Override
        public void close() {
            owned.close();
        }
    }

    private final Map<Prompt, Told> told = new HashMap<>();

    /** Encodes those that are not known and forgets all others; what of them was cut is told to {@code warning}. */
    void encode(List<Pair> pairs, PipelineListener listener, Consumer<String> warning) {
        Set<Prompt> wanted = new LinkedHashSet<>();
        for (Pair pair : pairs) {
            wanted.add(pair.prompt());
            if (pair.negative() != null) {
                wanted.add(pair.negative());
            }
        }
        told.entrySet().removeIf(known -> {
            boolean stays = wanted.contains(known.getKey());
            if (!stays) {
                known.getValue().close();
            }
            return !stays;
        });
        Map<Group, List<String>> unknown = new LinkedHashMap<>();
        wanted.stream()
                .filter(prompt -> !told.containsKey(prompt))
                .forEach(prompt -> unknown.computeIfAbsent(
                                new Group(prompt.encoders(), prompt.image()), group -> new ArrayList<>())
                        .add(prompt.text()));
        unknown.forEach((group, texts) -> {
            listener.encoding(group.encoders().path());
            try (TensorScope scope = TensorScope.open()) {
                group.encoders()
                        .encode(texts, group.image(), warning)
                        .forEach((text, encoded) ->
                                told.put(new Prompt(group.encoders(), group.image(), text), new Told(encoded)));
            }
        });
    }

    /** What the network is told of {@code pair}'s prompt; borrowed until other prompts are encoded. */
    Conditioning with(Pair pair) {
        return told(pair.prompt());
    }

    /** What it is told to keep away from; owned by the caller's region if it is silence. */
    Conditioning without(Pair pair) {
        return pair.negative() == null ? with(pair).zeroed() : told(pair.negative());
    }

    private Conditioning told(Prompt prompt) {
        return Objects.requireNonNull(told.get(prompt), prompt.text()).conditioning;
    }

    @Override
    public void close() {
        told.values().forEach(Told::close);
        told.clear();
    }
}
