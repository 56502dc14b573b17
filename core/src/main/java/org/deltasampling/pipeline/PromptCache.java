package org.deltasampling.pipeline;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.deltasampling.model.Conditioning;
import org.deltasampling.tensor.CloseTogether;
import org.deltasampling.tensor.Held;
import org.deltasampling.tensor.PixelSize;
import org.deltasampling.tensor.TensorScope;

/** The conditioning of the prompts of an image; kept while the images that follow have the same prompts. */
final class PromptCache implements AutoCloseable {

    /**
     * A text for the networks that have these encoders.
     *
     * @param image size of the image, which is part of the conditioning of some networks
     */
    record Prompt(TextEncoders encoders, PixelSize image, String text) {}

    private record Group(TextEncoders encoders, PixelSize image) {}

    /** A conditioning in memory of its own. */
    private static final class Kept implements AutoCloseable {

        private final CloseTogether tensors = new CloseTogether();
        private final Conditioning conditioning;

        Kept(Conditioning encoded) {
            conditioning = encoded.map(tensor -> tensors.keep(Held.of(tensor)).tensor());
        }

        @Override
        public void close() {
            tensors.close();
        }
    }

    private final Map<Prompt, Kept> kept = new HashMap<>();

    /** Encodes those of {@code prompts} that are not known and forgets all others. */
    void encode(Set<Prompt> prompts, Request request) {
        kept.entrySet().removeIf(known -> {
            boolean stays = prompts.contains(known.getKey());
            if (!stays) {
                known.getValue().close();
            }
            return !stays;
        });
        Map<Group, List<String>> unknown = new LinkedHashMap<>();
        prompts.stream()
                .filter(prompt -> !kept.containsKey(prompt))
                .forEach(prompt -> unknown.computeIfAbsent(
                                new Group(prompt.encoders(), prompt.image()), group -> new ArrayList<>())
                        .add(prompt.text()));
        unknown.forEach((group, texts) -> {
            request.checkpoint();
            request.listener().encoding(group.encoders().path());
            try (TensorScope scope = TensorScope.open()) {
                group.encoders()
                        .encode(texts, group.image(), request::warn)
                        .forEach((text, encoded) ->
                                kept.put(new Prompt(group.encoders(), group.image(), text), new Kept(encoded)));
            }
        });
    }

    /** The conditioning by {@code prompt}, which was encoded; borrowed until other prompts are. */
    Conditioning conditioning(Prompt prompt) {
        return Objects.requireNonNull(kept.get(prompt), prompt.text()).conditioning;
    }

    @Override
    public void close() {
        kept.values().forEach(Kept::close);
        kept.clear();
    }
}
