package org.deltasampling.pipeline;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import org.deltasampling.adapter.AdapterFile;
import org.deltasampling.adapter.AdapterReport;
import org.deltasampling.adapter.EmbeddingFile;
import org.deltasampling.bridge.BridgeFile;
import org.deltasampling.file.Quoted;
import org.deltasampling.model.Architecture;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.model.ControlFile;
import org.deltasampling.model.FileKind;
import org.deltasampling.model.ipadapter.IpAdapterFile;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.WeightCheck;
import org.deltasampling.weights.WeightFile;
import org.deltasampling.weights.WeightSource;
import org.jspecify.annotations.Nullable;

/**
 * What a model or adapter on disk is, without loading it.
 *
 * @param kind what the file or folder is
 * @param family the family of models that it belongs to or fits, null if that is not known
 * @param prediction what the network predicts, epsilon, v_prediction or flow; null if it has none
 * @param lora what an adapter of weights says of itself; null for others
 * @param parts the networks in it, or the one set of weights of a file that is no model
 * @param problem why it cannot be loaded, in one sentence; null if it can
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Inspection(
        String path,
        String kind,
        @Nullable String family,
        @Nullable String prediction,
        @Nullable AdapterReport lora,
        List<Part> parts,
        @Nullable String problem) {

    /**
     * One network.
     *
     * @param precisions the number formats of its weights
     */
    public record Part(
            String name,
            long parameters,
            Set<String> precisions,
            List<String> missing,
            List<String> unused,
            List<String> shapeMismatches) {

        private static Part of(String name, WeightSource weights, WeightCheck check) {
            long parameters = 0;
            Set<String> precisions = new TreeSet<>();
            for (String weight : weights.names()) {
                parameters += weights.info(weight).count();
                precisions.add(precision(weights.info(weight).type().toString()));
            }
            return new Part(name, parameters, precisions, check.missing(), check.unused(), check.shapeMismatches());
        }

        private static String precision(String type) {
            return switch (type) {
                case "Half" -> "float16";
                case "Float" -> "float32";
                case "Double" -> "float64";
                default -> type.toLowerCase(Locale.ROOT);
            };
        }
    }

    /** Looks into a model or adapter; what is wrong with it is said by {@link #problem}, nothing is thrown. */
    public static Inspection of(Path path) {
        try {
            if (Files.isDirectory(path)) {
                boolean alone =
                        !Files.exists(path.resolve("model_index.json")) && Files.exists(path.resolve("config.json"));
                return alone ? control(path) : model(path, "a diffusers folder");
            }
            FileKind kind;
            String title;
            Part whole;
            try (WeightFile file = WeightFile.open(path)) {
                kind = FileKind.of(file.names());
                title = FileKind.title(file.names());
                whole = Part.of("weights", file, WeightCheck.NONE);
            }
            return switch (kind) {
                case CHECKPOINT, UNET, TRANSFORMER -> model(path, kind.title());
                case LORA, LYCORIS -> lora(path, whole);
                case CONTROL_NET, T2I_ADAPTER -> control(path);
                case IP_ADAPTER -> imagePrompts(path, whole);
                case EMBEDDING -> embedding(path, whole);
                case BRIDGE -> bridge(path, kind, whole);
                default ->
                    new Inspection(
                            path.toString(),
                            title,
                            null,
                            null,
                            null,
                            List.of(whole),
                            "%s is %s: %s".formatted(path, title, kind.advice()));
            };
        } catch (BadWeightsException e) {
            return new Inspection(path.toString(), "unknown", null, null, null, List.of(), e.getMessage());
        }
    }

    private static Inspection model(Path path, String kind) {
        try (Checkpoint checkpoint = Checkpoint.read(path)) {
            List<Part> parts = new ArrayList<>();
            checkpoint.parts().forEach((name, part) -> parts.add(Part.of(name, part.weights(), part.check())));
            return new Inspection(
                    path.toString(),
                    kind,
                    checkpoint.architecture().title(),
                    checkpoint.scheduler().parameterization().name().toLowerCase(Locale.ROOT),
                    null,
                    parts,
                    problem(checkpoint));
        }
    }

    private static @Nullable String problem(Checkpoint checkpoint) {
        if (!checkpoint.check().passed()) {
            return checkpoint.check().message(checkpoint.path());
        }
        try {
            checkpoint.requireWhole();
            return null;
        } catch (BadWeightsException e) {
            return e.getMessage();
        }
    }

    private static Inspection lora(Path path, Part whole) {
        try (AdapterFile file = AdapterFile.open(path)) {
            AdapterReport report = file.report();
            return new Inspection(path.toString(), kind(report), report.family(), null, report, List.of(whole), null);
        } catch (BadWeightsException e) {
            return new Inspection(path.toString(), "an adapter", null, null, null, List.of(whole), e.getMessage());
        }
    }

    /** Users call all of them LoRA. */
    private static String kind(AdapterReport report) {
        String kinds = String.join(" and ", report.kinds().keySet());
        return kinds.equals("LoRA") ? "a LoRA" : "a LoRA of the kind " + kinds;
    }

    private static Inspection control(Path path) {
        try (ControlFile file = ControlFile.open(path)) {
            return beside(path, file.title(), null, Part.of("weights", file.weights(), WeightCheck.NONE));
        }
    }

    private static Inspection imagePrompts(Path path, Part whole) {
        try (IpAdapterFile file = IpAdapterFile.open(path)) {
            String family = file.family().map(Architecture::title).orElse(null);
            return beside(path, file.title(), family, whole);
        }
    }

    private static Inspection embedding(Path path, Part whole) {
        EmbeddingFile file = EmbeddingFile.open(path);
        String kind = "a textual inversion for the token %s, %d tokens long"
                .formatted(Quoted.of(file.token()), file.length());
        return beside(path, kind, null, whole);
    }

    private static Inspection beside(Path path, String kind, @Nullable String family, Part whole) {
        return new Inspection(path.toString(), kind, family, null, null, List.of(whole), null);
    }

    private static Inspection bridge(Path path, FileKind kind, Part whole) {
        BridgeFile bridge = BridgeFile.read(path);
        return new Inspection(
                path.toString(), kind.title() + ": " + bridge.description(), null, null, null, List.of(whole), null);
    }

    /** Whether it can be used. */
    public boolean loadable() {
        return problem == null;
    }

    /** As JSON, indented. */
    public String toJson() {
        try {
            return new ObjectMapper().writerWithDefaultPrettyPrinter().writeValueAsString(this);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e); // records of texts and numbers
        }
    }

    /** For people, several lines. */
    public String toText() {
        List<String> lines = new ArrayList<>();
        lines.add("%s: %s%s".formatted(path, kind, family == null ? "" : ", " + family));
        if (prediction != null) {
            lines.add("  predicts      " + prediction);
        }
        if (lora != null) {
            describe(lines, lora);
        }
        for (Part part : parts) {
            lines.add("  %-13s %,d parameters, %s"
                    .formatted(part.name(), part.parameters(), String.join(" and ", part.precisions())));
            describe(lines, "missing", part.missing());
            describe(lines, "unused", part.unused());
            describe(lines, "shapeMismatches", part.shapeMismatches());
        }
        if (problem != null) {
            lines.add("  cannot be loaded: " + problem);
        }
        return String.join("\n", lines);
    }

    private static void describe(List<String> lines, AdapterReport adapter) {
        lines.add("  key format    " + String.join(" and ", adapter.keyFormats()));
        lines.add("  layers        %d%s"
                .formatted(
                        adapter.modules(),
                        adapter.ranks() == null
                                ? ""
                                : ", of rank " + adapter.ranks().text()));
        if (adapter.alphas() != null) {
            lines.add("  alpha         " + adapter.alphas().text());
        }
        if (adapter.contextWidth() > 0) {
            lines.add("  made for      a model whose text embedding is %d wide".formatted(adapter.contextWidth()));
        }
        if (!adapter.triggerWords().isEmpty()) {
            lines.add("  trigger words " + String.join(", ", adapter.triggerWords()));
        }
        if (!adapter.embeddings().isEmpty()) {
            lines.add("  embeddings    " + String.join(", ", adapter.embeddings()));
        }
        adapter.metadata().forEach((key, value) -> lines.add("  %-13s %s".formatted(key, value)));
        adapter.warnings().forEach(warning -> lines.add("  warning: " + warning));
    }

    private static void describe(List<String> lines, String fault, List<String> names) {
        if (!names.isEmpty()) {
            lines.add("    %d %s: %s".formatted(names.size(), fault, String.join(", ", names)));
        }
    }
}
