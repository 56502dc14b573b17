package org.deltasampling.app;

import java.io.PrintWriter;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** A command that does something, on the streams that its program was given. */
@Command(
        mixinStandardHelpOptions = true,
        versionProvider = CurrentVersion.class,
        sortOptions = false,
        abbreviateSynopsis = true)
abstract class Subcommand implements Callable<Integer> {

    @Spec
    @Nullable
    CommandSpec spec;

    /** Does it; what it throws, {@link Main} explains. */
    abstract void run();

    @Override
    public final Integer call() {
        run();
        return Main.OK;
    }

    /** Where its answers go. */
    final PrintWriter out() {
        return line().getOut();
    }

    /** The command line with its streams. */
    final CommandLine line() {
        return Objects.requireNonNull(spec).commandLine();
    }
}
