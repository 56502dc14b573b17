package org.deltasampling.adapter;

import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.file.Quoted;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.model.FileKind;
import org.deltasampling.tensor.Precision;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.ResidentWeights;
import org.deltasampling.weights.TensorInfo;
import org.deltasampling.weights.WeightFile;
import org.deltasampling.weights.WeightSource;
import org.deltasampling.weights.WeightSources;
import org.jspecify.annotations.Nullable;

/**
 * A textual inversion (Gal et al. 2022): rows of token embeddings that a word of the prompt stands for. It is read whole when it is
 * opened, and the file is closed again.
 *
 * <p>The forms, after diffusers' {@code loaders/textual_inversion.py} and ComfyUI's {@code comfy/sd1_clip.py}: A1111's {@code
 * string_to_param}, {@code emb_params}, {@code clip_l} and {@code clip_g} for the text encoders of SD-XL and SD-3, diffusers' sole
 * tensor under its word, a sole tensor without a name, and a list of such dicts, whose rows follow one another. Tensors are (rows,
 * width) or (width).
 */
public final class EmbeddingFile {

    /** A prompt has room for 75 tokens, and rows that are never read are a sign of another kind of file. */
    private static final int MOST_ROWS = 75;

    private static final String CLIP_L = "clip_l";
    private static final String CLIP_G = "clip_g";

    /** For whichever text encoder has the width. */
    private static final String ANY = "";

    /** How LoRAs name the embeddings that are bundled with them: {@code bundle_emb.WORD.TENSOR}. */
    private static final String BUNDLED = "bundle_emb.";

    private final Path path;
    private final String token;

    /** By {@link #CLIP_L}, {@link #CLIP_G} or {@link #ANY}, and the width. */
    private final Map<Place, List<float[]>> rows;

    private record Place(String encoder, long width) {}

    private EmbeddingFile(Path path, String token, Map<Place, List<float[]>> rows) {
        this.path = path;
        this.token = token;
        this.rows = rows;
    }

    /**
     * Reads a textual inversion.
     *
     * @throws BadWeightsException if the file is none, saying what it is
     */
    public static EmbeddingFile open(Path path) {
        try (WeightFile file = WeightFile.open(path)) {
            return new Reader(path, file).read(ownToken(path, file));
        }
    }

    /**
     * Those that are bundled with an adapter, each under its word.
     *
     * @throws BadWeightsException if one cannot be used
     */
    public static List<EmbeddingFile> bundledIn(Path adapter) {
        try (WeightFile file = WeightFile.open(adapter)) {
            Map<String, Map<String, String>> names = new LinkedHashMap<>();
            for (String name : file.names()) {
                int end = name.indexOf('.', BUNDLED.length());
                if (name.startsWith(BUNDLED) && end > 0) {
                    names.computeIfAbsent(name.substring(BUNDLED.length(), end), word -> new LinkedHashMap<>())
                            .put(name.substring(end + 1), name);
                }
            }
            List<EmbeddingFile> all = new ArrayList<>();
            names.forEach((word, own) -> all.add(new Reader(adapter, WeightSources.renamed(file, own)).read(word)));
            return all;
        }
    }

    /** A1111's {@code name}, diffusers' key, else the name of the file without its ending. */
    private static String ownToken(Path path, WeightFile file) {
        String fileName = path.getFileName().toString().replaceFirst("\\.[^.]*$", "");
        String name = file.metadata().getOrDefault("name", "").strip();
        boolean named = file.names().size() == 1 && file.names().stream().noneMatch(Reader::isKnown);
        return named ? file.names().iterator().next() : name.isEmpty() ? fileName : name;
    }

    /** Where it lies. */
    public Path path() {
        return path;
    }

    /** The word that it stands for unless another is given: the file's own name for it, else that of the file without ending. */
    public String token() {
        return token;
    }

    /** How many tokens of the prompt it takes in each text encoder that it is for. */
    public int length() {
        return rows.values().stream().mapToInt(List::size).max().orElse(0);
    }

    /**
     * The word for the text encoders of {@code model} whose width it has; those that it is not for leave the word out, as in
     * ComfyUI, except T5, which reads it as text.
     *
     * @param word that prompts have for it; null for {@link #token}
     * @throws BadWeightsException if it is for none of them, saying for which models it is
     */
    public RoleAdapter on(Checkpoint model, @Nullable String word) {
        String written = word == null ? token : word;
        if (written.isBlank()) {
            throw new BadWeightsException("%s needs a token that prompts have for it: give one".formatted(path));
        }
        Map<String, AddedWords> words = new LinkedHashMap<>();
        boolean fits = false;
        for (int i = 0; i < model.texts().size(); i++) {
            long width = model.texts().get(i).config().layers().width();
            List<float[]> own = rows.getOrDefault(
                    new Place(i == 0 ? CLIP_L : CLIP_G, width), rows.getOrDefault(new Place(ANY, width), List.of()));
            fits |= !own.isEmpty();
            words.put(Checkpoint.textEncoder(i), new AddedWords(Map.of(written, own)));
        }
        if (!fits) {
            throw new BadWeightsException(
                    "%s is a textual inversion %s, and the text encoders of %s read vectors of %s: %s"
                            .formatted(
                                    path,
                                    rows.keySet().stream()
                                            .map(Place::width)
                                            .distinct()
                                            .map(EmbeddingFile::models)
                                            .collect(Collectors.joining(" and ")),
                                    model.path(),
                                    model.texts().stream()
                                            .map(text -> Long.toString(
                                                    text.config().layers().width()))
                                            .distinct()
                                            .collect(Collectors.joining(" and ")),
                                    "use it with a model of the family that it was made for"));
        }
        return new RoleAdapter(Map.of(), words, UnaryOperator.identity());
    }

    private static String models(long width) {
        String of = width == 768
                ? "Stable Diffusion 1.x"
                : width == 1024
                        ? "Stable Diffusion 2.x"
                        : width == 1280
                                ? "the second text encoder of Stable Diffusion XL and 3"
                                : "a model of another family";
        return "of vectors of %d numbers, as for %s".formatted(width, of);
    }

    /** Takes the rows out of a file. */
    private record Reader(Path path, WeightSource file) {

        private static final String A1111 = "string_to_param.";

        /** A1111's ids of the words beside it, which mean nothing elsewhere. */
        private static final String IDS = "string_to_token.";

        private static final List<String> UNNAMED = List.of("emb_params", "tensor");

        static boolean isKnown(String name) {
            return name.startsWith(A1111)
                    || UNNAMED.contains(name)
                    || name.equals(CLIP_L)
                    || name.equals(CLIP_G)
                    || isOfList(name);
        }

        /** As the dicts of a list are named: {@code 0.WORD}. */
        private static boolean isOfList(String name) {
            return name.matches("[0-9]+\\..*");
        }

        EmbeddingFile read(String token) {
            List<String> names =
                    file.names().stream().filter(name -> !name.startsWith(IDS)).toList();
            boolean sole = names.size() == 1 || names.stream().allMatch(Reader::isOfList);
            boolean pair = List.of(CLIP_L, CLIP_G).containsAll(names);
            if (names.isEmpty() || (!sole && !pair)) {
                throw new BadWeightsException(
                        "%s is not a textual inversion: it looks like %s; give a file with the embedding of one word"
                                .formatted(path, FileKind.of(file.names()).title()));
            }
            Map<Place, List<float[]>> rows = new LinkedHashMap<>();
            try (ResidentWeights weights = new ResidentWeights(file, Precision.FLOAT32)) {
                for (String name : names) {
                    TensorInfo info = file.info(name);
                    long width = requireRows(name, info);
                    rows.computeIfAbsent(new Place(pair ? name : ANY, width), place -> new ArrayList<>())
                            .addAll(rows(weights.load(name), (int) width));
                }
            }
            rows.values().forEach(all -> requireFew(all.size()));
            return new EmbeddingFile(path, token, rows);
        }

        /** The width of its rows. */
        private long requireRows(String name, TensorInfo info) {
            long[] shape = info.shape();
            if ((shape.length != 1 && shape.length != 2) || info.count() == 0) {
                throw new BadWeightsException(
                        "%s is not a textual inversion: its %s has the shape %s rather than rows of one width; give a file with the embedding of one word"
                                .formatted(path, Quoted.of(name), Quoted.of(Arrays.toString(shape))));
            }
            requireFew(shape.length == 1 ? 1 : shape[0]);
            return shape[shape.length - 1];
        }

        private void requireFew(long rows) {
            if (rows > MOST_ROWS) {
                throw new BadWeightsException(
                        "%s has %d vectors for a word, and a prompt has room for %d tokens: give a textual inversion of fewer"
                                .formatted(path, rows, MOST_ROWS));
            }
        }

        private static List<float[]> rows(Tensor tensor, int width) {
            try (TensorScope scope = TensorScope.open()) {
                FloatBuffer values = tensor.contiguous().createBuffer();
                List<float[]> rows = new ArrayList<>();
                while (values.hasRemaining()) {
                    float[] row = new float[width];
                    values.get(row);
                    rows.add(row);
                }
                return rows;
            }
        }
    }
}
