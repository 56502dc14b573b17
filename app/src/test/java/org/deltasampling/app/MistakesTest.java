package org.deltasampling.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.deltasampling.NoLeaks;
import org.deltasampling.TinyModels;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A user's mistake ends in exit code 2 and one line that says what to do, and leaves no file behind. */
@ExtendWith(NoLeaks.class)
final class MistakesTest {

    @TempDir
    static Path models;

    @BeforeAll
    static void makeModels() throws IOException {
        Path sd1 = TinyModels.sd1(models.resolve("sd1"), 1);
        TinyModels.sd2(models.resolve("sd2"), 2);
        TinyModels.lora(models.resolve("lora.safetensors"), sd1, 3);
        Files.writeString(models.resolve("page.safetensors"), "<!DOCTYPE html><html>404</html>");
        Files.writeString(models.resolve("bad.yaml"), "target: {modle: sd1}");
        Files.writeString(models.resolve("two.yaml"), """
                target: {model: sd2, prompt: a}
                deltas:
                  - {source: {model: sd1}, adapted: {prompt: b}}
                  - {source: {model: sd1}, adapted: {prompt: c}}
                """);
        Files.writeString(models.resolve("out.yaml"), "{target: {model: sd1}, output: {image: ../x.png}}");
        ImageIO.write(
                new BufferedImage(1, 1, BufferedImage.TYPE_INT_RGB),
                "png",
                models.resolve("plain.png").toFile());
        byte[] whole = Files.readAllBytes(models.resolve("lora.safetensors"));
        Files.write(models.resolve("cut.safetensors"), Arrays.copyOf(whole, whole.length / 2));
        Files.createDirectories(models.resolve("empty"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "                                                  | give a command",
                "generat                                           | did you mean generate",
                "generate --stpes 3                                | did you mean --steps",
                "generate --steps many --target M/sd1              | --steps",
                "generate --steps 0 --target M/sd1 --output O      | at least 1",
                "generate --steps 5 --steps 6 --target M/sd1       | only once",
                "generate --steps                                  | --steps",
                "generate                                          | --target",
                "generate --target M/sd1                           | --output",
                "generate --target M/sd1 --output M/x.jpg          | .png",
                "generate --target M/sd1 --output O --latents M/x  | .safetensors",
                "generate --target M/sd1 --output M/no/x.png       | make the folder",
                "generate --target M/sd1 --output M/L.png          | cannot be written",
                "generate --target M/sd1 --output M/plain.png      | --overwrite",
                "generate --target M/none --output O               | none",
                "generate --target M/empty --output O              | empty",
                "generate --target M/page.safetensors --output O   | web page",
                "generate --target M/cut.safetensors --output O    | cut short",
                "generate --target M/lora.safetensors --output O   | lora.safetensors",
                "generate --target M/sd1 --output O --lora M/lora.safetensors:heavy      | must be a number",
                "generate --target M/sd1 --output O --lora M/nothing.safetensors         | nothing.safetensors",
                "generate --target M/sd1 --output O --lora M/page.safetensors            | web page",
                "generate --target M/sd1 --output O --adapted M/sd1                      | --source",
                "generate --target M/sd1 --output O --lambda 2                           | --source",
                "generate --target M/sd1 --output O --source M/sd1                       | --lora",
                "generate --target M/sd2 --output O --source M/sd1 --lora M/lora.safetensors --lambda x        | --lambda",
                "generate --target M/sd2 --output O --source M/sd1 --lora M/lora.safetensors --lambda NaN      | finite",
                "generate --target M/sd2 --output O --source M/sd1 --lora M/lora.safetensors --lambda-schedule cosin      | cosine",
                "generate --target M/sd2 --output O --source M/sd1 --lora M/lora.safetensors --lambda-schedule cosine:1   | NAME:START:END",
                "generate --target M/sd2 --output O --source M/sd1 --lora M/lora.safetensors --lambda-schedule cosine:a:b | --lambda-schedule",
                "generate --target M/sd1 --output O --sampler eulr                       | euler",
                "generate --target M/sd1 --output O --schedule karas                     | karras",
                "generate --target M/sd1 --output O --preset referense                   | reference",
                "generate --target M/sd1 --output O --precision float64                  | float32",
                "generate --target M/sd1 --output O --size 512                           | 512x512",
                "generate --target M/sd1 --output O --size 17x16                         | 2",
                "generate --target M/sd1 --output O --size 0x16                          | above 0",
                "generate --target M/sd1 --output O --batch 0                            | at least 1",
                "generate --target M/sd1 --output O --cfg hot                            | --cfg",
                "generate --target M/sd1 --output O --seed 1.5                           | --seed: the seed '1.5' is not a whole number",
                "generate --target M/sd1 --output O --seed 18446744073709551616          | from 0 to 18446744073709551615",
                "generate --target M/sd1 --output O --cfg 1e300                          | sampling.cfg (--cfg) must be a finite number",
                "generate --target M/sd1 --output O --prediction noise                   | --prediction: prediction 'noise' is not known",
                "generate --target M/sd1 --output O --source-prediction v                | --source",
                "generate --target M/sd1 --output O --no-source-zero-snr                 | --source",
                "generate --target M/sd1 --output O --steps 2000                         | 1000",
                "generate --target M/sd1 --output O --noise M/none.safetensors           | none.safetensors",
                "generate --target M/sd1 --output O --noise M/lora.safetensors           | #KEY",
                "generate --target M/sd1 --output O --noise M/lora.safetensors#key       | key",
                "generate --target M/sd1 --output O --memory 1MB                         | of memory",
                "generate --target M/sd1 --output O --memory much                        | --memory",
                "generate --target M/sd1 --output O --device gpu                         | cuda:N",
                "generate --target M/sd1 --output O --device cuda                        | cuda:0 cannot be used",
                "generate --target M/sd1 --output O --source-device cpu                  | --source-device",
                "generate --target M/sd1 --output O --vae M/none.safetensors             | none.safetensors",
                "generate --target M/sd1 --output O --vae M/lora.safetensors             | is a LoRA where",
                "generate --target M/sd1 --output O --t5-tokenizer M/none                | does not exist",
                "generate --target M/sd1 --output O --t5-tokenizer M/sd1                 | none of the models",
                "generate --recipe M/none.yaml --output O                                | does not exist",
                "generate --recipe M/empty --output O                                    | is not an ordinary file",
                "generate --recipe M/out.yaml                                            | leads out of the recipe's folder",
                "generate --recipe M/plain.png                                           | carries no recipe",
                "generate --recipe M/bad.yaml --output O                                 | model",
                "generate --recipe M/lora.safetensors --output O                         | recipe",
                "generate --recipe M/two.yaml --output O --lambda 2                      | deltas",
                "inspect                                           | FILE",
                "inspect M/none                                    | none",
                "inspect M/page.safetensors                        | web page",
            })
    void isNamedInOneLine(String line, String says) throws IOException {
        List<Path> before = all();
        Object[] args = line == null
                ? new Object[0]
                : Stream.of(line.split(" "))
                        .map(a -> a.replaceFirst("^M/", models.toString().replace("\\", "\\\\") + "/"))
                        .map(a -> a.replace("L.png", "l".repeat(300) + ".png"))
                        .map(a -> a.equals("O") ? models.resolve("out.png").toString() : a)
                        .toArray();
        Cli cli = Cli.run(args);
        assertThat(cli.err()).as("stderr").hasSize(1);
        assertThat(cli.err().get(0)).contains(says).doesNotContain("Exception");
        assertThat(cli.code()).isEqualTo(2);
        assertThat(all()).isEqualTo(before);
    }

    @Test
    void aNameThatCannotBeOneIsRefused() {
        Cli cli = Cli.run("inspect", "a\0b");
        assertThat(cli.code()).isEqualTo(2);
        assertThat(cli.err()).hasSize(1);
        assertThat(cli.err().get(0)).contains("cannot be a file name").doesNotContain("Exception");
    }

    /** Java gives the replacement character for what the locale does not know. */
    @Test
    void whatTheLocaleCannotExpressIsRefused() {
        Cli cli = Cli.run("generate", "--prompt", "\ufffd\ufffd");
        assertThat(cli.code()).isEqualTo(2);
        assertThat(cli.err()).hasSize(1);
        assertThat(cli.err().get(0)).contains("locale", "LC_ALL=C.UTF-8");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "java.lang.OutOfMemoryError     | Java heap space                        | not enough memory",
                "java.lang.RuntimeException     | DefaultCPUAllocator: can't allocate memory: you tried | not enough memory",
                "java.lang.UnsatisfiedLinkError | no jnitorch in java.library.path       | libtorch cannot be loaded",
                "java.lang.IllegalStateException | a fault                               | IllegalStateException: a fault",
            })
    void aFailureEndsInOneLineToo(Class<? extends Throwable> type, String message, String says) throws Exception {
        StringWriter err = new StringWriter();
        Throwable failure = type.getConstructor(String.class).newInstance(message + "\n  more");
        assertThat(Main.explain(new PrintWriter(err, true), failure)).isEqualTo(1);
        assertThat(err.toString().lines()).hasSize(1);
        assertThat(err.toString()).contains(says).doesNotContain("more");
    }

    private static List<Path> all() throws IOException {
        try (Stream<Path> files = Files.walk(models)) {
            return files.sorted().toList();
        }
    }
}
