package org.deltasampling.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.deltasampling.NoLeaks;
import org.deltasampling.TinyModels;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** {@code bench} says what it measured; how much it was is not for a test. */
@ExtendWith(NoLeaks.class)
final class BenchTest {

    private static final String SECONDS = " +\\d+\\.\\d{3} s";
    private static final String MEMORY = "\npeak memory +(\\d+\\.\\d\\d GiB|not known on this system)";

    @TempDir
    Path folder;

    @Test
    void onePicture() {
        Path model = TinyModels.sd1(folder.resolve("sd1"), 1);
        Cli cli = Cli.run("bench", "--target", model, "--prompt", "a cat", "--steps", 3, "--size", "24x16");
        assertThat(cli.err()).isEmpty();
        assertThat(String.join("\n", cli.out()))
                .matches("load" + SECONDS + "\nfirst step" + SECONDS + "\neach later step" + SECONDS + "\ndecode"
                        + SECONDS + MEMORY);
        assertThat(cli.code()).isZero();
    }

    @Test
    void passesOfTheUnet() {
        Path model = TinyModels.sd1(folder.resolve("sd1"), 1);
        Cli cli = Cli.run("bench", "--unet", "--target", model, "--size", "24x16", "--precision", "bfloat16");
        assertThat(cli.err()).isEmpty();
        assertThat(String.join("\n", cli.out())).matches("fastest pass" + SECONDS + "\nmiddle pass" + SECONDS + MEMORY);
        assertThat(cli.code()).isZero();
    }
}
