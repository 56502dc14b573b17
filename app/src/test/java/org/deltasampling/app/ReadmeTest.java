package org.deltasampling.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.deltasampling.NoLeaks;
import org.deltasampling.TinyModels;
import org.deltasampling.image.Provenance;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** The Java that the README shows compiles and runs. */
@ExtendWith(NoLeaks.class)
final class ReadmeTest {

    @TempDir
    Path folder;

    @Test
    void theJavaExampleMakesItsImages() throws Exception {
        Matcher block = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL)
                .matcher(Files.readString(ProjectFiles.at("README.md")));
        assertThat(block.find()).as("a Java block in the README").isTrue();
        Path sd1 = TinyModels.sd1(folder.resolve("models/sd15"), 1);
        TinyModels.sd2(folder.resolve("models/sd21"), 2);
        TinyModels.lora(folder.resolve("models/ink.safetensors"), sd1, 3);
        String example = block.group(1)
                .replace("\"models/", "\"" + folder.toString().replace("\\", "/") + "/models/")
                .replace("\"lighthouse", "\"" + folder.toString().replace("\\", "/") + "/lighthouse")
                .replace("512, 512", "16, 16");
        Path source = Files.writeString(folder.resolve("Lighthouse.java"), example);
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        int compiled = compiler.run(
                null,
                null,
                null,
                "-cp",
                System.getProperty("java.class.path"),
                "-d",
                folder.toString(),
                source.toString());
        assertThat(compiled).isZero();
        try (URLClassLoader loader =
                new URLClassLoader(new URL[] {folder.toUri().toURL()})) {
            loader.loadClass("Lighthouse").getMethod("main", String[].class).invoke(null, (Object) new String[0]);
        }
        assertThat(Provenance.read(folder.resolve("lighthouse-4.png"))
                        .recipe()
                        .sampling()
                        .seed())
                .isEqualTo(4);
    }
}
