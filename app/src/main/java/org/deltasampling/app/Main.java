package org.deltasampling.app;

import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.deltasampling.DeltaSamplingException;
import org.deltasampling.recipe.BadRecipeException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** The command line: a mistake of its user ends in one sentence and exit code 2, never in a stack trace. */
@Command(
        name = "delta-sampling",
        description = "Images by Delta Sampling: what an adapter changes in one model, carried over to another.",
        mixinStandardHelpOptions = true,
        version = "delta-sampling 0.1.0",
        subcommands = {
            GenerateCommand.class,
            InspectCommand.class,
            BridgeCommand.class,
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

    private Main() {}

    public static void main(String... args) {
        PrintWriter out = new PrintWriter(System.out, true, StandardCharsets.UTF_8);
        PrintWriter err = new PrintWriter(System.err, true, StandardCharsets.UTF_8);
        System.exit(run(out, err, args));
    }

    /** Runs one command line; the answer is its exit code: 0 done, 1 failed, 2 refused. */
    static int run(PrintWriter out, PrintWriter err, String... args) {
        CommandLine line = new CommandLine(new Main());
        line.setOut(out).setErr(err);
        line.setExpandAtFiles(false); // a prompt may begin with an @
        line.setParameterExceptionHandler((e, all) -> refuse(err, sentence(e)));
        line.setExecutionExceptionHandler((e, command, parsed) -> explain(err, e));
        line.setCaseInsensitiveEnumValuesAllowed(true);
        line.setUsageHelpAutoWidth(true);
        int code = line.execute(args);
        out.flush();
        return code;
    }

    @Override
    public void run() {
        throw new BadRecipeException(
                "give a command: generate, inspect, bridge, demo, lab or bench; --help explains them");
    }

    private static int explain(PrintWriter err, Exception e) {
        if (e instanceof DeltaSamplingException) {
            return refuse(err, OptionNames.added(String.valueOf(e.getMessage())));
        }
        if (System.getenv(TRACE) != null) {
            e.printStackTrace(err);
        }
        String what = e instanceof UncheckedIOException ? "" : e.getClass().getSimpleName() + ": ";
        String message = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
        err.println("delta-sampling failed: " + what + message + " (set " + TRACE + "=1 to see where)");
        return FAILED;
    }

    private static int refuse(PrintWriter err, String sentence) {
        err.println("delta-sampling: " + sentence.replace("\n", " "));
        return REFUSED;
    }

    private static String sentence(ParameterException e) {
        String command = e.getCommandLine().getCommandSpec().qualifiedName();
        String message = String.valueOf(e.getMessage())
                .strip()
                .replaceFirst(" is not an? (int|long)$", " is no whole number")
                .replaceFirst(" is not an? double$", " is no number");
        if (e instanceof UnmatchedArgumentException unmatched) {
            List<String> near = unmatched.getSuggestions();
            if (!near.isEmpty()) {
                return message + "; did you mean " + String.join(" or ", near) + "?";
            }
        }
        return message + "; '" + command + " --help' shows what there is";
    }
}
