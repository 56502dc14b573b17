package org.deltasampling.app;

import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.deltasampling.DeltaSamplingException;
import org.deltasampling.file.BadFileException;
import org.deltasampling.file.PathText;
import org.deltasampling.recipe.BadRecipeException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.TypeConversionException;
import picocli.CommandLine.UnmatchedArgumentException;

/** The command line: a mistake of its user ends in one sentence and exit code 2, never in a stack trace. */
@Command(
        name = "delta-sampling",
        description = "Images by Delta Sampling: what an adapter changes in one model, carried over to another.",
        mixinStandardHelpOptions = true,
        versionProvider = CurrentVersion.class,
        subcommands = {
            GenerateCommand.class,
            InspectCommand.class,
            BridgeCommand.class,
            MergeCommand.class,
            DemoCommand.class,
            LabCommand.class,
            BenchCommand.class
        })
public final class Main implements Runnable {

    static final int OK = 0;
    static final int FAILED = 1;
    static final int REFUSED = 2;

    /** Set to any value: failures that are not the user's print their stack trace. */
    private static final String TRACE = "DELTA_SAMPLING_TRACE";

    /** What Java makes of bytes that are no characters in the locale's encoding. */
    private static final char UNREADABLE = '\ufffd';

    /** How libtorch says so, on the processor and on a GPU. */
    private static final Pattern OUT_OF_MEMORY =
            Pattern.compile("can't allocate memory|not enough memory|out of memory", Pattern.CASE_INSENSITIVE);

    private Main() {}

    public static void main(String... args) {
        PrintWriter out = new PrintWriter(System.out, true, StandardCharsets.UTF_8);
        PrintWriter err = new PrintWriter(System.err, true, StandardCharsets.UTF_8);
        System.exit(run(out, err, args));
    }

    /** Runs one command line; the answer is its exit code: 0 done, 1 failed, 2 refused. */
    static int run(PrintWriter out, PrintWriter err, String... args) {
        for (String arg : args) {
            if (arg.indexOf(UNREADABLE) >= 0) {
                return refuse(
                        err,
                        "the locale cannot express '%s': set LC_ALL=C.UTF-8, or another locale of UTF-8"
                                .formatted(arg));
            }
        }
        CommandLine line = new CommandLine(new Main());
        line.registerConverter(Path.class, Main::path);
        line.setOut(out).setErr(err);
        line.setExpandAtFiles(false); // a prompt may begin with an @
        line.setParameterExceptionHandler((e, all) -> refuse(err, sentence(e)));
        line.setExecutionExceptionHandler((e, command, parsed) -> explain(err, e));
        line.setCaseInsensitiveEnumValuesAllowed(true);
        line.setUsageHelpAutoWidth(true);
        int code;
        try {
            code = line.execute(args);
        } catch (Error e) { // picocli hands over exceptions only
            code = explain(err, e);
        }
        out.flush();
        return code;
    }

    private static Path path(String text) {
        try {
            return PathText.parse(text, Path.of(""));
        } catch (BadFileException e) {
            throw new TypeConversionException(String.valueOf(e.getMessage()));
        }
    }

    @Override
    public void run() {
        throw new BadRecipeException(
                "give a command: generate, inspect, bridge, demo, lab or bench; --help explains them");
    }

    /** Says in one line why a command ended; what is not the user's mistake can be traced. */
    static int explain(PrintWriter err, Throwable e) {
        if (e instanceof DeltaSamplingException) {
            return refuse(err, OptionNames.added(String.valueOf(e.getMessage())));
        }
        if (System.getenv(TRACE) != null) {
            e.printStackTrace(err);
        }
        err.println("delta-sampling failed: %s (set %s=1 to see where)".formatted(reason(e), TRACE));
        return FAILED;
    }

    private static String reason(Throwable e) {
        String message = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
        if (e instanceof OutOfMemoryError || OUT_OF_MEMORY.matcher(message).find()) {
            return "there is not enough memory: close other programs, or take --precision bfloat16, a smaller --size or fewer"
                    + " models";
        }
        if (e instanceof LinkageError) {
            return "libtorch cannot be loaded on this system (%s): it runs on Linux x86-64, macOS arm64 and Windows x86-64"
                    .formatted(message);
        }
        return (e instanceof UncheckedIOException ? "" : e.getClass().getSimpleName() + ": ") + message;
    }

    private static int refuse(PrintWriter err, String sentence) {
        err.println("delta-sampling: " + sentence.replace("\n", " "));
        return REFUSED;
    }

    private static String sentence(ParameterException e) {
        String command = e.getCommandLine().getCommandSpec().qualifiedName();
        String message = String.valueOf(e.getMessage())
                .strip()
                .replaceFirst(" is not an? (int|long)$", " must be a whole number")
                .replaceFirst(" is not an? double$", " must be a number");
        if (e instanceof UnmatchedArgumentException unmatched) {
            List<String> near = unmatched.getSuggestions();
            if (!near.isEmpty()) {
                return message + "; did you mean " + String.join(" or ", near) + "?";
            }
        }
        return message + "; '" + command + " --help' shows what there is";
    }
}
