package org.deltasampling.model;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.model.clip.ClipLayers;
import org.deltasampling.model.clip.ClipText;
import org.deltasampling.model.mmdit.Blocks;
import org.deltasampling.model.mmdit.MMDiT;
import org.deltasampling.model.mmdit.Patches;
import org.deltasampling.model.t5.T5Encoder;
import org.deltasampling.model.unet.UNet;
import org.deltasampling.model.vae.AutoencoderKl;
import org.deltasampling.nn.Activation;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.Held;
import org.deltasampling.tensor.Precision;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.SafetensorsWriter;
import org.deltasampling.weights.TensorInfo;
import org.deltasampling.weights.WeightSource;
import org.deltasampling.weights.WeightSources;

/**
 * Checkpoints in the shapes of the published ones, with random weights: one file in the original layout, text encoders and
 * all, to time with. From 2.1 GB (SD-1.5) to 28 GB (SD-3.5 large).
 */
public final class RandomCheckpoint {

    private enum Family {
        SD15(Architecture.SD1) {
            @Override
            Backbone.Config network() throws IOException {
                return unet("""
                        {"cross_attention_dim": 768}""");
            }
        },
        SD21(Architecture.SD2) {
            @Override
            Backbone.Config network() throws IOException {
                return unet("""
                        {"cross_attention_dim": 1024, "attention_head_dim": [5, 10, 20, 20],
                         "use_linear_projection": true}""");
            }
        },
        SDXL(Architecture.SDXL) {
            @Override
            Backbone.Config network() throws IOException {
                return unet("""
                        {"cross_attention_dim": 2048, "block_out_channels": [320, 640, 1280],
                         "attention_head_dim": [5, 10, 20], "transformer_layers_per_block": [1, 2, 10],
                         "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
                         "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
                         "use_linear_projection": true, "addition_embed_type": "text_time",
                         "addition_time_embed_dim": 256, "projection_class_embeddings_input_dim": 2816}""");
            }
        },
        SD3(Architecture.SD3) {
            @Override
            Backbone.Config network() {
                return transformer(24, 192, false, 0);
            }
        },
        SD35_MEDIUM(Architecture.SD35_MEDIUM) {
            @Override
            Backbone.Config network() {
                return transformer(24, 384, true, 13);
            }
        },
        SD35_LARGE(Architecture.SD35_LARGE) {
            @Override
            Backbone.Config network() {
                return transformer(38, 192, true, 0);
            }
        };

        private final Architecture architecture;

        Family(Architecture architecture) {
            this.architecture = architecture;
        }

        abstract Backbone.Config network() throws IOException;

        private static UNet.Config unet(String config) throws IOException {
            return UNet.Config.read(new ObjectMapper().readTree(config));
        }

        private static MMDiT.Config transformer(long layers, long positions, boolean normed, long dual) {
            boolean large = layers > 24;
            long width = large ? 64 * layers : 1536;
            return new MMDiT.Config(
                    new Patches(16, 16, 2, positions),
                    new Blocks(
                            layers,
                            width,
                            width / 64,
                            normed,
                            LongStream.range(0, dual).boxed().toList()),
                    4096,
                    2048);
        }

        private AutoencoderKl.Config autoencoder() {
            boolean flows = architecture.isFlow();
            return new AutoencoderKl.Config(
                    new AutoencoderKl.Config.Latents(
                            flows ? 16 : 4, architecture.latentScale(), architecture.latentShift(), !flows, !flows),
                    List.of(128L, 256L, 512L, 512L),
                    2,
                    32,
                    true);
        }

        private List<ClipText.Config> texts() {
            ClipText.Config l = text(12, 768, Activation.QUICK_GELU, 0);
            ClipText.Config h = text(23, 1024, Activation.GELU, 0);
            ClipText.Config g = text(32, 1280, Activation.GELU, 1280);
            return switch (architecture) {
                case SD1 -> List.of(l);
                case SD2 -> List.of(h);
                default -> List.of(l, g);
            };
        }

        private static ClipText.Config text(long layers, long width, Activation activation, long projection) {
            return new ClipText.Config(
                    new ClipText.Config.Text(49408, 77, 49407),
                    new ClipLayers(layers, width, 4 * width, width / 64, activation, 1e-5),
                    projection);
        }

        /** Every part in the names of a single file. */
        WeightSource weights(Numbers numbers) throws IOException {
            List<WeightSource> parts = new ArrayList<>();
            Backbone.Config network = network();
            parts.add((network instanceof MMDiT.Config c
                            ? OriginalLayout.mmdit(c)
                            : OriginalLayout.unet((UNet.Config) network))
                    .inFileNames(numbers.of(network::network)));
            AutoencoderKl.Config vae = autoencoder();
            parts.add(OriginalLayout.vae(vae).inFileNames(numbers.of(p -> new AutoencoderKl(vae, p))));
            for (ClipText.Config text : texts()) {
                parts.add(OriginalLayout.text(
                                architecture,
                                texts().indexOf(text),
                                text.layers().count())
                        .inFileNames(numbers.of(p -> new ClipText(text, p))));
            }
            if (architecture.isFlow()) {
                parts.add(OriginalLayout.t5().inFileNames(numbers.of(p -> new T5Encoder(T5, p))));
            }
            return WeightSources.joined(parts);
        }
    }

    /** T5 version 1.1 XXL. */
    private static final T5Encoder.Config T5 = new T5Encoder.Config(32128, 4096, 64, 64, 10240, 24, 32, 128, 1e-6);

    private RandomCheckpoint() {}

    /** Writes one: its family (sd15 sd21 sdxl sd3 sd35-medium sd35-large), the file, and float16 (else bfloat16). */
    public static void main(String... arguments) throws IOException {
        Family family = Family.valueOf(arguments[0].toUpperCase(Locale.ROOT).replace('-', '_'));
        Path file = Path.of(arguments[1]).toAbsolutePath();
        Precision precision =
                arguments.length > 2 ? Precision.valueOf(arguments[2].toUpperCase(Locale.ROOT)) : Precision.BFLOAT16;
        String predicts = family == Family.SD21 ? "v" : family.architecture.isFlow() ? "flow" : "epsilon";
        torch.manual_seed(0);
        try (Numbers numbers = new Numbers(precision)) {
            SafetensorsWriter.write(file, family.weights(numbers), Map.of("modelspec.prediction_type", predicts));
        }
        if (family.architecture.isFlow()) {
            writeTokenizer(file.resolveSibling("tokenizer_3/tokenizer.json"));
        }
    }

    /** One token for each letter. */
    private static void writeTokenizer(Path file) throws IOException {
        ObjectMapper json = new ObjectMapper();
        ObjectNode model = json.createObjectNode().put("type", "Unigram").put("unk_id", 2);
        ArrayNode pieces = model.putArray("vocab");
        List<String> texts = new ArrayList<>(List.of("<pad>", "</s>", "<unk>", "\u2581"));
        "abcdefghijklmnopqrstuvwxyz".chars().forEach(letter -> texts.add(Character.toString(letter)));
        texts.forEach(text -> pieces.addArray().add(text).add(-1.0));
        ObjectNode tokenizer = json.createObjectNode();
        tokenizer
                .putObject("pre_tokenizer")
                .put("type", "Metaspace")
                .put("replacement", "\u2581")
                .put("prepend_scheme", "always");
        ArrayNode added = tokenizer.putArray("added_tokens");
        for (int id = 0; id < 3; id++) {
            added.addObject().put("id", id).put("content", texts.get(id));
        }
        tokenizer.set("model", model);
        Files.createDirectories(file.getParent());
        json.writeValue(file.toFile(), tokenizer);
    }

    /**
     * Norms that change nothing, and weights that keep what passes through them as large as it was. A weight is a view of a
     * few random numbers, each of its rows a little further on: gigabytes are made by copying alone.
     */
    private static final class Numbers implements AutoCloseable {

        private static final int COUNT = 1 << 20;
        private static final int BETWEEN_ROWS = 7;
        private static final int STARTS = 65_536;

        private final torch.ScalarType type;
        private final Map<Double, Held> scaled = new HashMap<>();

        Numbers(Precision precision) {
            type = precision.type();
        }

        WeightSource of(Consumer<Parameters> model) {
            return new Weights(new LinkedHashMap<>(Parameters.declaredBy(model)), this);
        }

        Tensor like(String name, long... shape) {
            if (shape.length == 1) {
                return (name.contains("norm") && name.endsWith(".weight") ? torch.ones(shape) : torch.zeros(shape))
                        .to(type);
            }
            long row = Arrays.stream(shape).skip(1).reduce(1, (a, b) -> a * b);
            Tensor numbers = scaled(1 / Math.sqrt((double) row));
            if (row + shape[0] * BETWEEN_ROWS + STARTS > COUNT) { // one long row: positions
                return numbers.repeat(row * shape[0] / COUNT + 1)
                        .narrow(0, 0, row * shape[0])
                        .view(shape);
            }
            long[] strides = new long[shape.length];
            long stride = 1;
            for (int i = shape.length - 1; i > 0; i--) {
                strides[i] = stride;
                stride *= shape[i];
            }
            strides[0] = BETWEEN_ROWS;
            return numbers.as_strided(shape, strides, new LongOptional(Math.floorMod(name.hashCode(), STARTS)));
        }

        private Tensor scaled(double deviation) {
            return scaled.computeIfAbsent(deviation, d -> {
                        try (TensorScope scope = TensorScope.open()) {
                            return Held.of(torch.randn(COUNT).mul(new Scalar(d)).to(type));
                        }
                    })
                    .tensor();
        }

        @Override
        public void close() {
            scaled.values().forEach(Held::close);
        }
    }

    private record Weights(Map<String, long[]> shapes, Numbers numbers) implements WeightSource {

        @Override
        public Set<String> names() {
            return shapes.keySet();
        }

        @Override
        public TensorInfo info(String name) {
            return new TensorInfo(numbers.type, Objects.requireNonNull(shapes.get(name), name));
        }

        @Override
        public Tensor load(String name) {
            return TensorScope.scopedTensor(() -> numbers.like(name, info(name).shape()));
        }
    }
}
