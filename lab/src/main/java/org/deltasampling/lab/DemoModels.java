package org.deltasampling.lab;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.stream.Stream;

/** The trained demo models, resources of this module, as files that the ordinary loader opens. */
public final class DemoModels {

    private static final List<String> SD_FILES = List.of(
            "model_index.json",
            "scheduler/scheduler_config.json",
            "text_encoder/config.json",
            "text_encoder/model.safetensors",
            "tokenizer/merges.txt",
            "tokenizer/tokenizer_config.json",
            "tokenizer/vocab.json",
            "unet/config.json",
            "unet/diffusion_pytorch_model.safetensors");
    private static final List<String> SECOND_TEXT_FILES = List.of(
            "text_encoder_2/config.json",
            "text_encoder_2/model.safetensors",
            "tokenizer_2/merges.txt",
            "tokenizer_2/tokenizer_config.json",
            "tokenizer_2/vocab.json");
    private static final List<String> AUTOENCODER_FILES = List.of("config.json", "diffusion_pytorch_model.safetensors");
    private static final List<String> SINGLE_FILES =
            List.of("stripes.safetensors", "dusk.safetensors", "classifier.safetensors");

    private DemoModels() {}

    /** Whether this build carries trained weights. */
    public static boolean present() {
        return DemoModels.class.getResource("models/classifier.safetensors") != null;
    }

    /**
     * Copies the models into {@code folder}: {@code source}, the targets {@code target}, {@code target-xl} and
     * {@code target-sd3}, and {@code lineart}, the source tuned to another style, are diffusers folders; {@code
     * stripes.safetensors} and {@code dusk.safetensors} are LoRAs of the source in kohya's key format. An
     * autoencoder is stored once and copied into each folder. Existing files are replaced.
     *
     * @return {@code folder}
     * @throws UncheckedIOException if it cannot be written
     */
    public static Path unpack(Path folder) {
        try {
            for (String model : List.of("source", "lineart", "target")) {
                unpack(folder, model, SD_FILES, "vae");
            }
            List<String> xlFiles =
                    Stream.concat(SD_FILES.stream(), SECOND_TEXT_FILES.stream()).toList();
            unpack(folder, "target-xl", xlFiles, "vae-xl");
            List<String> sd3Files = xlFiles.stream()
                    .map(file -> file.replace("unet/", "transformer/"))
                    .toList();
            unpack(folder, "target-sd3", sd3Files, "vae-sd3");
            for (String file : SINGLE_FILES) {
                copy(file, folder.resolve(file));
            }
            return folder;
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write the demo models to " + folder, e);
        }
    }

    private static void unpack(Path folder, String model, List<String> files, String autoencoder) throws IOException {
        Path own = folder.resolve(model);
        for (String file : files) {
            copy(model + "/" + file, own.resolve(file));
        }
        for (String file : AUTOENCODER_FILES) {
            copy(autoencoder + "/" + file, own.resolve("vae").resolve(file));
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
