package org.deltasampling;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.weights.WeightFile;
import org.junit.jupiter.api.Assumptions;

/**
 * The conformance kit, {@code shared/conformance} beside the repository root: what other programs answer to given inputs.
 * The part of it that is committed, {@code core/src/test/resources/conformance}, stands in where it is not there; the tests
 * that ask for more are then skipped, visibly.
 */
public final class Kit {

    /** For single networks, relative to the largest element of the answer. */
    public static final double NETWORK = 1e-4;

    /** For whole pipelines and deltas, relative to the largest element of the answer. */
    public static final double PIPELINE = 1e-3;

    private static final String COMMITTED = "core/src/test/resources/conformance";
    private static final String MISSING =
            "no conformance kit: shared/conformance is not beside this checkout, wanted is %s";

    private static final ObjectMapper JSON = new ObjectMapper();

    private Kit() {}

    /** A case of the kit: a folder with case.json and io.safetensors. */
    public record Case(Path folder, JsonNode json) {

        /** A path written in case.json, relative to the case. */
        public Path path(String key) {
            return folder.resolve(json.required(key).textValue()).normalize();
        }

        /** An input {@code in.*} or answer {@code out.*}; owned by the caller's scope. */
        public Tensor tensor(String name) {
            try (WeightFile io = WeightFile.open(folder.resolve("io.safetensors"))) {
                return io.load(name);
            }
        }

        /** Whether the kit has a tensor of that name. */
        public boolean has(String name) {
            try (WeightFile io = WeightFile.open(folder.resolve("io.safetensors"))) {
                return io.names().contains(name);
            }
        }
    }

    /** The case {@code name}; aborts the calling test where it is in neither the kit nor its committed part. */
    public static Case at(String name) {
        Path folder = folder(name);
        return new Case(folder, json(folder.resolve("case.json")));
    }

    /** The folder of the case {@code name}; aborts the calling test as {@link #at} does. */
    public static Path folder(String name) {
        return above("shared/conformance")
                .or(() -> above(COMMITTED))
                .map(kit -> kit.resolve(name))
                .filter(folder -> Files.exists(folder.resolve("case.json")))
                .orElseGet(() -> Assumptions.abort(MISSING.formatted(name)));
    }

    /** The whole kit's folder; aborts the calling test where there is none. */
    public static Path root() {
        return above("shared/conformance").orElseGet(() -> Assumptions.abort(MISSING.formatted("all of it")));
    }

    private static Optional<Path> above(String folder) {
        return Stream.iterate(Path.of("").toAbsolutePath(), Objects::nonNull, Path::getParent)
                .map(up -> up.resolve(folder))
                .filter(Files::isDirectory)
                .findFirst();
    }

    /** Copies a folder and all in it, for a test to change. */
    public static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> all = Files.walk(from)) {
            for (Path path : all.toList()) {
                Path copy = to.resolve(from.relativize(path).toString());
                if (Files.isDirectory(path)) {
                    Files.createDirectories(copy);
                } else {
                    Files.write(copy, Files.readAllBytes(path));
                }
            }
        }
    }

    /** A JSON file. */
    public static JsonNode json(Path file) {
        try {
            return JSON.readTree(file.toFile());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
