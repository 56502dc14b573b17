package org.deltasampling.app;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.deltasampling.pipeline.Pipeline;
import org.deltasampling.recipe.BadRecipeException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that say what of the machine may be used; they do not change the image. */
final class MachineOptions {

    private static final Pattern SIZE = Pattern.compile("(\\d+(?:\\.\\d+)?) ?([MG])I?B?");

    @Option(
            names = "--memory",
            paramLabel = "SIZE",
            description =
                    "The most memory that an image may need, such as 20GB; default: what is free. 'any': try it whatever it needs.")
    @Nullable
    String memory;

    Pipeline.Options options() {
        return memory == null ? Pipeline.Options.DEFAULT : Pipeline.Options.DEFAULT.memory(bytes(memory));
    }

    private static long bytes(String text) {
        if (text.equalsIgnoreCase("any")) {
            return Long.MAX_VALUE;
        }
        Matcher size = SIZE.matcher(text.strip().toUpperCase(Locale.ROOT));
        if (!size.matches()) {
            throw new BadRecipeException("--memory is a size such as 20GB or 800MB, or 'any', not '" + text + "'");
        }
        return (long) (Double.parseDouble(size.group(1)) * (size.group(2).equals("G") ? 1L << 30 : 1L << 20));
    }
}
