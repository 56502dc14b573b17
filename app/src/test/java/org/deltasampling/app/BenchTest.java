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
    private static final String BYTES = "(\\d+\\.\\d\\d GiB|not known on this system)";
    private static final String MEMORY = "\npeak memory +" + BYTES;
    private static final String BOTH = SECONDS + " +" + BYTES + "\n";

    @TempDir
    Path folder;

    @Test
    void oneImage() {
        Path model = TinyModels.sd1(folder.resolve("sd1"), 1);
        Cli cli = Cli.run("bench", "--target", model, "--prompt", "a cat", "--steps", 3, "--size", "24x16");
        assertThat(cli.err()).isEmpty();
        assertThat(String.join("\n", cli.out()))
                .matches("load" + BOTH + "text" + BOTH + "first step" + BOTH + "each later step" + BOTH + "decode"
                        + SECONDS + " +" + BYTES + MEMORY + ", planned " + BYTES);
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
