package org.deltasampling.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The shell launcher in a checkout whose Maven and Java are stubs that record how they were called. */
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "the shell launcher is for Linux and macOS")
final class LauncherTest {

    private static final Path PROJECT = Stream.iterate(Path.of("").toAbsolutePath(), Objects::nonNull, Path::getParent)
            .filter(up -> Files.exists(up.resolve("mvnw")))
            .findFirst()
            .orElseThrow();

    private static final String UTF8 = "(?i)(C|en_US)\\.utf-?8";

    @TempDir
    Path folder;

    private Path root;
    private Path layout;
    private final Map<String, String> environment = new HashMap<>();

    @BeforeEach
    void checkOut() throws IOException {
        root = Files.createDirectories(folder.resolve("a checkout"));
        layout = root.resolve("app/target/delta-sampling");
        script(root.resolve("delta-sampling"), Files.readString(PROJECT.resolve("delta-sampling")));
        Files.createDirectories(root.resolve("core/src/main"));
        Files.writeString(root.resolve("core/src/main/Source.java"), "");
        Files.writeString(root.resolve("pom.xml"), "");
        script(root.resolve("mvnw"), """
                #!/bin/sh
                printf '%s\\n' "$JAVA_HOME" "$HOME" "$*" >>builds
                sleep "${STUB_SECONDS:-0}"
                exit "${STUB_EXIT:-0}"
                """);
        environment.put("PATH", System.getenv("PATH"));
        environment.put("HOME", folder.toString());
        environment.put("JAVA_HOME", jdk("17").toString());
    }

    @Test
    void buildsOnceUntilASourceChanges() throws Exception {
        assertThat(launch("generate", "--prompt", "a b").arguments()).endsWith("generate", "--prompt", "a b");
        assertThat(launch().err()).isEmpty();
        assertThat(builds()).hasSize(3);

        Files.setLastModifiedTime(
                root.resolve("core/src/main/Source.java"),
                FileTime.from(Instant.now().plusSeconds(5)));
        assertThat(launch().err()).containsExactly("delta-sampling: the sources have changed, building");
    }

    @Test
    void aFailedOrInterruptedBuildIsMadeAgain() throws Exception {
        environment.put("STUB_EXIT", "3");
        Outcome failed = launch();
        assertThat(failed.code()).isEqualTo(1);
        assertThat(failed.err()).last().asString().contains("the build failed");
        environment.remove("STUB_EXIT");

        environment.put("STUB_SECONDS", "60");
        Process interrupted = start("delta-sampling");
        awaitBuilds(2);
        Stream.concat(Stream.of(interrupted.toHandle()), interrupted.descendants())
                .sorted() // by id: no parent is left to go on after its child
                .forEach(ProcessHandle::destroyForcibly);
        interrupted.waitFor();
        environment.remove("STUB_SECONDS");

        assertThat(launch().code()).isZero();
        assertThat(builds()).hasSize(9);
    }

    @Test
    void buildOptionsHoldUntilOthersAreGiven() throws Exception {
        environment.put("DELTA_SAMPLING_BUILD", "-Pcuda -o");
        launch();
        environment.remove("DELTA_SAMPLING_BUILD");
        launch();
        assertThat(builds()).hasSize(3).last().asString().startsWith("-q -Pcuda -o -DskipTests");

        environment.put("DELTA_SAMPLING_BUILD", "");
        launch();
        assertThat(builds()).hasSize(6).last().asString().startsWith("-q -DskipTests");
    }

    @Test
    void aJavaHomeWithoutJavaIsRefused() throws Exception {
        environment.put("JAVA_HOME", folder.resolve("gone").toString());
        assertRefused("there is no bin/java in " + folder.resolve("gone"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"1.8", "11", "16"})
    void anOldJavaIsRefused(String version) throws Exception {
        environment.put("JAVA_HOME", jdk(version).toString());
        assertRefused("is Java " + version + ": install Java 17 or newer");
    }

    @Test
    void aJavaThatCannotCompileIsRefusedWhereThereIsSomethingToBuild() throws Exception {
        Path javac = Path.of(environment.get("JAVA_HOME"), "bin/javac");
        Files.delete(javac);
        assertRefused("cannot compile");

        script(javac, "");
        launch();
        Files.delete(javac);
        assertThat(launch().code()).isZero();
    }

    @Test
    void mavenGetsTheSameJavaAndAHome() throws Exception {
        String jdk = environment.remove("JAVA_HOME");
        environment.remove("HOME");
        environment.merge("PATH", jdk + "/bin:", (path, first) -> first + path);
        launch();
        assertThat(builds()).startsWith(jdk, folder.toString());
    }

    @Test
    void withoutAnyHomeABuildIsRefused() throws Exception {
        environment.put("HOME", folder.resolve("gone").toString());
        assertRefused("set HOME");
    }

    @Test
    void whereNothingCanBeWrittenABuildIsRefused() throws Exception {
        Files.createDirectories(root.resolve("app"));
        Files.writeString(root.resolve("app/target"), "a file, which not even root can write into as a folder");
        assertRefused("cannot be written");
    }

    @Test
    void whatIsBuiltStartsWhereNothingCanBeWritten() throws Exception {
        launch();
        Files.delete(layout.resolve("java"));
        Files.createDirectory(layout.resolve("java"));
        Outcome outcome = launch();
        assertThat(outcome.code()).isZero();
        assertThat(outcome.err()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void ofTwoAtOnceOneBuildsAndTheOtherWaits(boolean flock) throws Exception {
        if (!flock) {
            environment.put("PATH", pathWithoutFlock().toString());
        }
        environment.put("STUB_SECONDS", "2");
        Process first = start("delta-sampling");
        awaitBuilds(1);
        Process second = start("delta-sampling");

        assertThat(outcome(first).code()).isZero();
        assertThat(outcome(second).err())
                .containsExactly("delta-sampling: another build is running here, waiting for its end");
        assertThat(builds()).hasSize(3);
        assertThat(layout.resolve("lock.pid")).doesNotExist();
    }

    @Test
    void theLockOfADeadProcessIsTakenOver() throws Exception {
        environment.put("PATH", pathWithoutFlock().toString());
        Process dead = new ProcessBuilder("true").start();
        dead.waitFor();
        Files.createDirectories(layout);
        Files.writeString(layout.resolve("lock.pid"), dead.pid() + "\n");

        assertThat(launch().code()).isZero();
        try (Stream<Path> left = Files.list(layout)) {
            assertThat(left.filter(file -> file.toString().contains("lock.pid")))
                    .isEmpty();
        }
    }

    @Test
    void anAsciiLocaleGivesWayToUtf8() throws Exception {
        assumeUtf8();
        environment.put("LC_ALL", "C");
        assertThat(launch().locale()).matches(UTF8);
        environment.put("LC_ALL", "absent.UTF-8");
        assertThat(launch().locale()).matches(UTF8);
        environment.put("LC_ALL", launch().locale());
        assertThat(launch().locale()).isEqualTo(environment.get("LC_ALL"));
    }

    @Test
    void javaReadsEveryScriptUnderTheCLocale() throws Exception {
        assumeUtf8();
        launch();
        printsItsArgument(Files.createDirectories(layout.resolve("lib")).resolve("main.jar"));
        environment.put("JAVA_HOME", System.getProperty("java.home"));
        environment.put("LC_ALL", "C");
        script(root.resolve("line"), """
                #!/bin/sh
                cd "${0%/*}" && : >'кот ネコ 猫 é' && exec ./delta-sampling 'кот ネコ 猫 é'
                """);
        assertThat(outcome(start("line")).out()).containsExactly("кот ネコ 猫 é true");
    }

    @Test
    void bothLaunchersGiveJavaTheSame() throws IOException {
        List<String> shell = javaLine("delta-sampling", "exec \"\\$java\"(.*?)\\z", "\\$\\{?([\\w]+)(?::-})?");
        List<String> windows = javaLine("delta-sampling.cmd", "\n\"%java%\"(.*?)\n", "%(\\w+)%");
        assertThat(shell).contains("-Dfile.encoding=UTF-8", "DELTA_SAMPLING_JAVA_OPTIONS", "unsafe");
        assertThat(windows).isEqualTo(shell);
    }

    /** The options between the name of Java and the class path in a launcher, variables by their names alone. */
    private static List<String> javaLine(String launcher, String line, String variable) throws IOException {
        String text =
                Files.readString(PROJECT.resolve(launcher)).replace("\r", "").replaceAll(" [\\\\^]\n", " ");
        String options = Pattern.compile(line, Pattern.DOTALL)
                .matcher(text)
                .results()
                .map(MatchResult::group)
                .findFirst()
                .orElseThrow()
                .replaceAll(variable, "$1");
        List<String> words = Arrays.stream(options.split("\\s+"))
                .dropWhile(word -> !word.startsWith("-"))
                .toList();
        return words.subList(0, words.indexOf("-cp"));
    }

    private void assertRefused(String reason) throws Exception {
        Outcome outcome = launch();
        assertThat(outcome.code()).isEqualTo(Main.REFUSED);
        assertThat(outcome.out()).isEmpty();
        assertThat(outcome.err())
                .last()
                .asString()
                .startsWith("delta-sampling: ")
                .contains(reason);
        assertThat(root.resolve("builds")).doesNotExist();
    }

    /** A folder in the form of a JDK whose Java prints its locale and its arguments. */
    private Path jdk(String version) throws IOException {
        Path home = folder.resolve("jdk " + version);
        Files.createDirectories(home.resolve("bin"));
        script(home.resolve("bin/javac"), "");
        script(home.resolve("bin/java"), """
                #!/bin/sh
                case $* in
                    *-XshowSettings:properties*)
                        printf '    %%s\\n' 'java.home = %s' 'java.specification.version = %s' 'user.home = %s' >&2
                        ;;
                    *) printf '%%s\\n' "${LC_ALL-}" "$@" ;;
                esac
                """.formatted(home, version, folder));
        return home;
    }

    /** A path to what the launcher calls, except {@code flock}. */
    private Path pathWithoutFlock() throws IOException {
        Path tools = Files.createDirectory(folder.resolve("tools"));
        String called = "cat:dirname:find:grep:head:locale:mkdir:mv:ps:rm:sed:sleep:sort:touch";
        for (String tool : called.split(":", -1)) {
            for (String on : environment.getOrDefault("PATH", "").split(":", -1)) {
                if (Files.isExecutable(Path.of(on, tool))) {
                    script(tools.resolve(tool), "#!/bin/sh\nexec " + Path.of(on, tool) + " \"$@\"\n");
                }
            }
        }
        return tools;
    }

    private static void assumeUtf8() throws IOException {
        Process locales = new ProcessBuilder("locale", "-a").start();
        Assumptions.assumeTrue(
                new String(locales.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
                        .lines()
                        .anyMatch(name -> name.matches(UTF8)),
                "neither C.UTF-8 nor en_US.UTF-8 is installed");
    }

    /** Writes a jar whose {@code Main} prints its argument in UTF-8, and whether there is a file of that name. */
    private void printsItsArgument(Path jar) throws IOException {
        Path source = Files.writeString(folder.resolve("Main.java"), """
                package org.deltasampling.app;

                public class Main {
                    public static void main(String... args) throws java.io.IOException {
                        String line = args[0] + " " + java.nio.file.Files.exists(java.nio.file.Path.of(args[0]));
                        System.out.write(line.getBytes("UTF-8"));
                    }
                }
                """);
        assertThat(ToolProvider.getSystemJavaCompiler()
                        .run(null, null, null, "-d", folder.toString(), source.toString()))
                .isZero();
        String name = Main.class.getName().replace('.', '/') + ".class";
        try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar))) {
            out.putNextEntry(new JarEntry(name));
            Files.copy(folder.resolve(name), out);
        }
    }

    private static Path script(Path file, String text) throws IOException {
        Files.writeString(file, text);
        return Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    private List<String> builds() throws IOException {
        return Files.readAllLines(root.resolve("builds"));
    }

    private void awaitBuilds(int count) throws Exception {
        for (int i = 0; i < 300; i++) {
            if (Files.exists(root.resolve("builds")) && builds().size() == 3 * count) {
                return;
            }
            Thread.sleep(100);
        }
        throw new AssertionError("no build was started");
    }

    private Outcome launch(String... args) throws Exception {
        return outcome(start("delta-sampling", args));
    }

    private Process start(String script, String... args) throws IOException {
        List<String> command = new ArrayList<>(List.of(args));
        command.add(0, root.resolve(script).toString());
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().clear();
        builder.environment().putAll(environment);
        return builder.start();
    }

    private static Outcome outcome(Process process) throws Exception {
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        String err = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Outcome(
                process.exitValue(), out.lines().toList(), err.lines().toList());
    }

    /** How a launch ended; the stub of Java prints its locale, then its arguments. */
    private record Outcome(int code, List<String> out, List<String> err) {

        String locale() {
            return out.get(0);
        }

        List<String> arguments() {
            return out.subList(1, out.size());
        }
    }
}
