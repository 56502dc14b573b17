package org.deltasampling.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.deltasampling.diffusion.BadSamplingException;
import org.deltasampling.diffusion.Parameterization;
import org.deltasampling.weights.BadWeightsException;

/**
 * The original training config of a checkpoint, a {@code .yaml} or {@code .yml} of the same name beside it, as A1111 reads
 * it: what the network predicts. A YAML file without {@code model.params}, such as a recipe, is none.
 *
 * @param file where it is
 * @param prediction what the network predicts
 */
record OriginalConfig(Path file, Parameterization prediction) {

    private static final ObjectMapper YAML = new ObjectMapper(new YAMLFactory());

    /** The noise that all families were trained with. */
    private static final Map<String, Double> NOISE =
            Map.of("linear_start", 0.00085, "linear_end", 0.012, "timesteps", 1000.0);

    /**
     * That of {@code checkpoint}, if there is one.
     *
     * @throws BadWeightsException if it cannot be read, or names a parameterization or noise that is not known here
     */
    static Optional<OriginalConfig> beside(Path checkpoint) {
        String name = checkpoint.getFileName().toString();
        String stem = name.contains(".") ? name.substring(0, name.lastIndexOf('.')) : name;
        return Stream.of(".yaml", ".yml")
                .map(ending -> checkpoint.resolveSibling(stem + ending))
                .filter(Files::isRegularFile)
                .findFirst()
                .flatMap(OriginalConfig::read);
    }

    private static Optional<OriginalConfig> read(Path file) {
        JsonNode params = tree(file).path("model").path("params");
        if (!params.isObject()) {
            return Optional.empty();
        }
        NOISE.forEach((key, known) -> {
            if (params.hasNonNull(key) && params.get(key).asDouble(Double.NaN) != known) {
                throw refused(file, key, params.get(key).asText(), known.toString());
            }
        });
        String parameterization = params.path("parameterization").asText("");
        Parameterization prediction = switch (parameterization) {
            case "" -> scaling(params);
            case "eps" -> Parameterization.EPSILON;
            case "v" -> Parameterization.V_PREDICTION;
            case "x0" -> Parameterization.SAMPLE;
            default -> throw refused(file, "parameterization", parameterization, "eps, v or x0");
        };
        return Optional.of(new OriginalConfig(file, prediction));
    }

    /** What the configs of XL's own code say in other words. */
    private static Parameterization scaling(JsonNode params) {
        String target =
                params.at("/denoiser_config/params/scaling_config/target").asText("");
        return target.endsWith(".VScaling") ? Parameterization.V_PREDICTION : Parameterization.EPSILON;
    }

    private static JsonNode tree(Path file) {
        try {
            return YAML.readTree(file.toFile());
        } catch (IOException | RuntimeException e) { // the parser throws both
            throw new BadWeightsException(
                    "%s cannot be read as YAML (%s): mend or move it, since a file of this name says how the checkpoint beside it was trained"
                            .formatted(file, BadSamplingException.quoted(String.valueOf(e.getMessage()))),
                    e);
        }
    }

    private static BadWeightsException refused(Path file, String key, String value, String known) {
        return new BadWeightsException("%s cannot be used: model.params.%s is %s, which is not implemented (only %s is)"
                .formatted(file, key, BadSamplingException.quoted(value), known));
    }
}
