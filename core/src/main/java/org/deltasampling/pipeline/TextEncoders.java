package org.deltasampling.pipeline;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.adapter.AddedWords;
import org.deltasampling.adapter.RoleAdapter;
import org.deltasampling.model.Architecture;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.model.Conditioning;
import org.deltasampling.model.ModelPart;
import org.deltasampling.model.Tokenizers;
import org.deltasampling.model.clip.ClipText;
import org.deltasampling.model.t5.T5Encoder;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.Device;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.PixelSize;
import org.deltasampling.tensor.Precision;
import org.deltasampling.text.ClipTokenizer;
import org.deltasampling.text.Encoded;
import org.deltasampling.text.T5Tokenizer;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.ResidentWeights;
import org.deltasampling.weights.WeightSource;
import org.deltasampling.weights.WeightSources;

/**
 * The text encoders of a model. None stays in memory: one after the other is read, encodes all prompts, and is released, since
 * what takes more memory than the denoising network (T5) is wanted for a small part of the time. T5 computes in the precision of
 * the network, the others in float32.
 */
final class TextEncoders {

    private final Checkpoint checkpoint;
    private final Map<String, WeightSource> weights;
    private final Map<String, AddedWords> words;
    private final Device device;
    private final Tokenizers tokenizers;

    private TextEncoders(
            Checkpoint checkpoint,
            Tokenizers tokenizers,
            Map<String, WeightSource> weights,
            Map<String, AddedWords> words,
            Device device) {
        this.checkpoint = checkpoint;
        this.tokenizers = tokenizers;
        this.weights = weights;
        this.words = words;
        this.device = device;
    }

    /**
     * Those of {@code checkpoint}, which must outlive them.
     *
     * @throws BadWeightsException if a tokenizer is damaged or of another text encoder
     */
    static TextEncoders of(Checkpoint checkpoint, Precision precision, Device device) {
        Map<String, WeightSource> weights = new LinkedHashMap<>();
        for (int i = 0; i < checkpoint.texts().size(); i++) {
            weights.put(
                    Checkpoint.textEncoder(i),
                    WeightSources.in(checkpoint.texts().get(i).weights(), Precision.FLOAT32));
        }
        checkpoint.t5().ifPresent(part -> weights.put(Checkpoint.T5, WeightSources.in(part.weights(), precision)));
        return new TextEncoders(checkpoint, Tokenizers.of(checkpoint), weights, Map.of(), device);
    }

    /** These under {@code adapter}; themselves, where it changes none of them. */
    TextEncoders with(RoleAdapter adapter) {
        if (weights.keySet().stream()
                .noneMatch(part ->
                        adapter.weights().containsKey(part) || adapter.words().containsKey(part))) {
            return this;
        }
        Map<String, WeightSource> changed = new LinkedHashMap<>();
        Map<String, AddedWords> more = new LinkedHashMap<>();
        weights.forEach((part, source) -> {
            changed.put(part, adapter.weightsOf(part).weights(source));
            more.put(part, wordsOf(part).with(adapter.wordsOf(part)));
        });
        return new TextEncoders(checkpoint, tokenizers, changed, more, device);
    }

    private AddedWords wordsOf(String part) {
        return words.getOrDefault(part, AddedWords.NONE);
    }

    /** Where the model lies. */
    Path path() {
        return checkpoint.path();
    }

    /** The one that takes most memory. */
    MemoryPlan.Part largest() {
        return weights.entrySet().stream()
                .map(part -> new MemoryPlan.Part(
                        "%s of %s".formatted(part.getKey(), path().getFileName()),
                        new ResidentWeights(part.getValue()).bytes()))
                .max(Comparator.comparingLong(MemoryPlan.Part::bytes))
                .orElseThrow();
    }

    /**
     * The conditioning by each prompt, owned by the caller's region; what was cut off a prompt is told to {@code warning}.
     *
     * @param image the size of the image
     */
    Map<String, Conditioning> encode(Collection<String> prompts, PixelSize image, Consumer<String> warning) {
        Architecture family = checkpoint.architecture();
        Map<String, Tensor> t5 = t5(prompts, warning);
        Map<String, Conditioning> conditioning = new LinkedHashMap<>();
        clips(prompts, warning).forEach((prompt, outputs) -> {
            Tensor more = t5.get(prompt);
            if (more != null) {
                conditioning.put(prompt, Architecture.conditioning(outputs, more));
            } else if (family.isFlow()) {
                long width = checkpoint.network().config().contextWidth();
                conditioning.put(prompt, Architecture.conditioningWithoutT5(outputs, width));
            } else {
                conditioning.put(prompt, family.conditioning(outputs, image));
            }
        });
        return conditioning;
    }

    /** The outputs of the CLIP text encoders for each prompt. */
    private Map<String, List<ClipText.Output>> clips(Collection<String> prompts, Consumer<String> warning) {
        Map<String, List<ClipText.Output>> outputs = new LinkedHashMap<>();
        prompts.forEach(prompt -> outputs.put(prompt, new ArrayList<>()));
        List<ModelPart<ClipText.Config>> texts = checkpoint.texts();
        for (int i = 0; i < texts.size(); i++) {
            String part = Checkpoint.textEncoder(i);
            ClipText.Config config = texts.get(i).config();
            AddedWords added = wordsOf(part);
            ClipTokenizer tokenizer = tokenizer(i, added, config);
            with(part, parameters -> {
                ClipText own = new ClipText(config, parameters);
                ClipText encoder = added.rows().isEmpty() ? own : own.withEmbeddings(rows(added));
                outputs.forEach((prompt, all) -> {
                    ClipText.Output output = encoder.encode(ids(tokenizer.encode(prompt), warning))
                            .map(Device.CPU::to);
                    requireFinite(part, output.last());
                    all.add(output);
                });
            });
        }
        return outputs;
    }

    private ClipTokenizer tokenizer(int index, AddedWords added, ClipText.Config config) {
        ClipTokenizer own = tokenizers.clip().get(index);
        return added.isEmpty()
                ? own
                : own.with(added.ids(Math.toIntExact(config.text().vocabulary())));
    }

    /** (rows, width), in the memory of the encoders. */
    private Tensor rows(AddedWords added) {
        List<float[]> rows = added.rows();
        int width = rows.get(0).length;
        float[] all = new float[rows.size() * width];
        for (int i = 0; i < rows.size(); i++) {
            System.arraycopy(rows.get(i), 0, all, i * width, width);
        }
        return device.to(Tensor.create(all, rows.size(), width));
    }

    /** The outputs of T5 for each prompt, where the model has it. */
    private Map<String, Tensor> t5(Collection<String> prompts, Consumer<String> warning) {
        Map<String, Tensor> outputs = new LinkedHashMap<>();
        if (checkpoint.t5().isEmpty() || tokenizers.t5().isEmpty()) {
            return outputs;
        }
        T5Tokenizer tokenizer = tokenizers.t5().get();
        T5Encoder.Config config = checkpoint.t5().get().config();
        with(Checkpoint.T5, parameters -> {
            T5Encoder encoder = new T5Encoder(config, parameters);
            for (String prompt : prompts) {
                Tensor output =
                        Device.CPU.to(encoder.encode(ids(tokenizer.encode(prompt, Architecture.T5_TOKENS), warning)));
                requireFinite(Checkpoint.T5, output);
                outputs.put(prompt, output);
            }
        });
        return outputs;
    }

    /** Uses a part, whose weights are in memory as long as that takes. */
    private void with(String part, Consumer<Parameters> use) {
        WeightSource source = Objects.requireNonNull(weights.get(part), part);
        try (ResidentWeights resident = new ResidentWeights(WeightSources.on(source, device))) {
            use.accept(Parameters.from(resident));
        }
    }

    private void requireFinite(String part, Tensor hiddenStates) {
        if (!new Latent(hiddenStates).isFinite()) {
            throw new BadWeightsException(
                    "the text encoder %s of %s gives values that are not finite numbers (NaN or infinity): get its files again, or use sampling.precision float32"
                            .formatted(part, path()));
        }
    }

    private Tensor ids(Encoded encoded, Consumer<String> warning) {
        long[] ids = encoded.ids();
        if (!encoded.cut().isEmpty()) {
            warning.accept("the prompt has more than the %d tokens that the model reads; this was cut off: %s"
                    .formatted(ids.length, encoded.cut()));
        }
        return device.to(Tensor.create(ids, 1, ids.length));
    }
}
