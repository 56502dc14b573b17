package org.deltasampling.app;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;

/** One command line run in this process, and what it said. */
record Cli(int code, List<String> out, List<String> err) {

    static Cli run(Object... args) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        String[] line = new String[args.length];
        for (int i = 0; i < args.length; i++) {
            line[i] = args[i].toString();
        }
        int code = Main.run(new PrintWriter(out, true), new PrintWriter(err, true), line);
        return new Cli(
                code, out.toString().lines().toList(), err.toString().lines().toList());
    }
}
