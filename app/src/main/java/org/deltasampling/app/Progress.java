package org.deltasampling.app;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import org.deltasampling.pipeline.MemoryPlan;
import org.deltasampling.pipeline.PipelineListener;
import picocli.CommandLine;

/**
 * How far a command is: a bar with the time left on a terminal, plain lines elsewhere. What several images have in common, memory
 * plans, choices and warnings, is shown once.
 */
final class Progress implements PipelineListener, AutoCloseable {

    private static final int WIDTH = 30;
    private static final String CLEAR = "\r\u001b[K";

    private final PrintWriter out;
    private final PrintWriter err;
    private final boolean terminal;
    private final Set<Object> shown = new HashSet<>();
    private long start;

    Progress(PrintWriter out, PrintWriter err, boolean terminal) {
        this.out = out;
        this.err = err;
        this.terminal = terminal;
    }

    /** On a command's own streams; the launcher says whether they are a terminal. */
    static Progress of(CommandLine line) {
        return new Progress(line.getOut(), line.getErr(), Boolean.getBoolean("delta-sampling.terminal"));
    }

    @Override
    public void plan(MemoryPlan plan) {
        if (shown.add(plan.phases())) {
            clear();
            plan.lines().forEach(out::println);
        }
    }

    @Override
    public void encoding(Path model) {
        show("encoding the prompts with " + model);
    }

    @Override
    public void loading(Path model) {
        show("loading " + model);
    }

    @Override
    public void step(int done, int steps) {
        if (done == 0) {
            start = System.nanoTime();
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        String left = done == 0 ? "" : ", " + time(seconds / done * (steps - done)) + " left";
        if (terminal) {
            int full = WIDTH * done / steps;
            show("[%s%s] step %d of %d%s".formatted("#".repeat(full), ".".repeat(WIDTH - full), done, steps, left));
        } else if (done > 0) {
            show("step %d of %d%s".formatted(done, steps, left));
        }
    }

    @Override
    public void decoding() {
        show("decoding");
    }

    @Override
    public void chose(String sentence) {
        if (shown.add(sentence)) {
            clear();
            out.println(sentence);
        }
    }

    @Override
    public void warning(String sentence) {
        if (shown.add(sentence)) {
            clear();
            err.println("warning: " + OptionNames.added(sentence));
        }
    }

    /** Ends in a line that stays. */
    void wrote(Path file) {
        clear();
        out.println(file);
    }

    private void show(String line) {
        if (terminal) {
            out.print(CLEAR + line);
            out.flush();
        } else {
            out.println(line);
        }
    }

    /** Takes an unfinished bar away, so that what is said next has its own line. */
    @Override
    public void close() {
        clear();
    }

    private void clear() {
        if (terminal) {
            out.print(CLEAR);
            out.flush();
        }
    }

    private static String time(double seconds) {
        long s = Math.round(seconds);
        return s < 60
                ? s + " s"
                : s < 3600
                        ? String.format(Locale.ROOT, "%d:%02d min", s / 60, s % 60)
                        : String.format(Locale.ROOT, "%d:%02d h", s / 3600, s / 60 % 60);
    }
}
