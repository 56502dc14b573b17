package org.deltasampling.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.deltasampling.NoLeaks;
import org.deltasampling.adapter.AdapterFile;
import org.deltasampling.model.Architecture;
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
        Map<String, Architecture> families = Map.of(
                "source", Architecture.SD1,
                "lineart", Architecture.SD1,
                "target", Architecture.SD2,
                "target-xl", Architecture.SDXL,
                "target-sd3", Architecture.SD3);
        for (Map.Entry<String, Architecture> model : families.entrySet()) {
            Path own = models.resolve(model.getKey());
            copyAutoencoder(models.resolve(vae(model.getValue())), own.resolve("vae"));
            try (Checkpoint checkpoint = Checkpoint.open(own)) {
                assertThat(checkpoint.whole()).as(model.getKey()).isTrue();
                assertThat(checkpoint.architecture()).isEqualTo(model.getValue());
            }
        }
        try (Checkpoint source = Checkpoint.open(models.resolve("source"));
                AdapterFile stripes = AdapterFile.open(models.resolve("stripes.safetensors"))) {
            assertThat(Objects.requireNonNull(stripes.on(source).changes().get("unet"))
                            .touched())
                    .hasSizeGreaterThan(30);
        }
        int lines = log.size();
        for (Training.Stage stage : Training.Stage.values()) {
            Training.run(stage, folder, 1, 1e-3, log::add);
        }
        assertThat(log).as("what is there is not trained again").hasSize(lines);
    }

    private static String vae(Architecture family) {
        return family == Architecture.SDXL ? "vae-xl" : family == Architecture.SD3 ? "vae-sd3" : "vae";
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
