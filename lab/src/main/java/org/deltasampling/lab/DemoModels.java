package org.deltasampling.lab;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;

/** The trained demo models, which lie in this module's jar, as files that the ordinary loader opens. */
public final class DemoModels {

    private static final List<String> MODELS = List.of("source", "lineart", "target");
    private static final List<String> MODEL_FILES = List.of(
            "model_index.json",
            "scheduler/scheduler_config.json",
            "text_encoder/config.json",
            "text_encoder/model.safetensors",
            "tokenizer/merges.txt",
            "tokenizer/tokenizer_config.json",
            "tokenizer/vocab.json",
            "unet/config.json",
            "unet/diffusion_pytorch_model.safetensors");
    private static final List<String> AUTOENCODER_FILES = List.of("config.json", "diffusion_pytorch_model.safetensors");
    private static final List<String> SINGLE_FILES =
            List.of("stripes.safetensors", "dusk.safetensors", "judge.safetensors");

    private DemoModels() {}

    /** Whether this build carries trained weights. */
    public static boolean present() {
        return DemoModels.class.getResource("models/judge.safetensors") != null;
    }

    /**
     * Copies the models into {@code folder}: {@code source}, {@code target} and {@code lineart}, the source tuned to another
     * style, are diffusers folders; {@code stripes.safetensors} and {@code dusk.safetensors} are low-rank adapters of the
     * source in kohya's spelling. The autoencoder is stored once and copied into each folder. What is there is replaced.
     *
     * @return {@code folder}
     * @throws UncheckedIOException if it cannot be written
     */
    public static Path unpack(Path folder) {
        try {
            for (String model : MODELS) {
                for (String file : MODEL_FILES) {
                    copy(model + "/" + file, folder.resolve(model).resolve(file));
                }
                for (String file : AUTOENCODER_FILES) {
                    copy("vae/" + file, folder.resolve(model).resolve("vae").resolve(file));
                }
            }
            for (String file : SINGLE_FILES) {
                copy(file, folder.resolve(file));
            }
            return folder;
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write the demo models to " + folder, e);
        }
    }

    private static void copy(String resource, Path file) throws IOException {
        Files.createDirectories(file.toAbsolutePath().getParent());
        try (InputStream in = DemoModels.class.getResourceAsStream("models/" + resource)) {
            if (in == null) {
                throw new IllegalStateException("the demo model file " + resource + " is missing from the class path");
            }
            Files.copy(in, file, StandardCopyOption.REPLACE_EXISTING);
        }
    }
}
