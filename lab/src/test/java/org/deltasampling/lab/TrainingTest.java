package org.deltasampling.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.deltasampling.NoLeaks;
import org.deltasampling.adapter.LoraFile;
import org.deltasampling.model.Checkpoint;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(NoLeaks.class)
class TrainingTest {

    @TempDir
    Path folder;

    @Test
    void trainsEveryModelToFilesThatTheLoaderOpens() throws IOException {
        List<String> log = new ArrayList<>();
        for (Training.Stage stage : Training.Stage.values()) {
            Training.run(stage, folder, 1, 1e-3, log::add);
        }
        Path models = folder.resolve("models");
        for (String model : List.of("source", "target", "lineart")) {
            copyAutoencoder(models.resolve("vae"), models.resolve(model).resolve("vae"));
            try (Checkpoint checkpoint = Checkpoint.open(models.resolve(model))) {
                assertThat(checkpoint.whole()).isTrue();
            }
        }
        try (Checkpoint source = Checkpoint.open(models.resolve("source"));
                LoraFile stripes = LoraFile.open(models.resolve("stripes.safetensors"))) {
            assertThat(Objects.requireNonNull(stripes.on(source).get("unet")).touched())
                    .hasSizeGreaterThan(30);
        }
        int lines = log.size();
        for (Training.Stage stage : Training.Stage.values()) {
            Training.run(stage, folder, 1, 1e-3, log::add);
        }
        assertThat(log).as("what is there is not trained again").hasSize(lines);
    }

    private static void copyAutoencoder(Path from, Path to) throws IOException {
        Files.createDirectories(to);
        try (Stream<Path> files = Files.list(from)) {
            for (Path file : files.toList()) {
                Files.copy(file, to.resolve(file.getFileName()));
            }
        }
    }
}
