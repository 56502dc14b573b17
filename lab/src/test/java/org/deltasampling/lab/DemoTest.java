package org.deltasampling.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.regex.Pattern;
import org.deltasampling.NoLeaks;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** The demo with few prompts and steps: all of its output, not the quality of the images. */
@ExtendWith(NoLeaks.class)
class DemoTest {

    private static final List<String> TARGETS = List.of("2.x", "XL", "3");
    private static final List<String> STYLES = List.of("stripes", "dusk", "lineart");

    @Test
    void scoresEveryStyleWithEveryTargetAndBridge(@TempDir Path folder) {
        Assumptions.assumeTrue(DemoModels.present(), "this build carries no trained demo models");
        ConcurrentLinkedQueue<String> progress = new ConcurrentLinkedQueue<>();
        Demo.Result result = Demo.run(DemoModels.unpack(folder), 3, new Demo.Extent(4, 3, 4, 3, 2), progress::add);
        assertThat(result.grid().getWidth()).isGreaterThan(15 * 128); // three alone, then four for each style
        assertThat(result.grid().getHeight()).isGreaterThan(7 * 128);
        assertThat(result.bridges().getWidth()).isGreaterThan(7 * 128);
        assertThat(result.bridges().getHeight()).isGreaterThan(9 * 128);
        for (String target : TARGETS) {
            assertThat(result.table()).contains("1.x to " + target);
        }
        for (String style : STYLES) {
            for (String target : TARGETS) {
                assertThat(result.verdict()).contains(style + " to " + target + " at lambda ");
            }
            for (String bridge : List.of("round trip", "linear 3x3", "linear 1x1")) {
                assertThat(lines(result.table(), "(XL|3) +" + bridge + " .* ?" + style + " "))
                        .isEqualTo(2);
            }
            assertThat(lines(result.table(), "XL +identity +" + style + " ")).isOne();
        }
        assertThat(result.verdict()).contains("bridges to XL at", "bridges to 3 at");
        assertThat(result.verdict().lines()).hasSize(11);
        assertThat(progress).anyMatch(line -> line.contains("XL, round trip"));
    }

    private static long lines(String table, String beginning) {
        return table.lines()
                .filter(line -> Pattern.compile(beginning).matcher(line).lookingAt())
                .count();
    }
}
