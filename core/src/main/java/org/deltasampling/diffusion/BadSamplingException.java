package org.deltasampling.diffusion;

import org.deltasampling.DeltaSamplingException;
import org.jspecify.annotations.Nullable;

/** A sampling that cannot be done as asked; the message is one clear sentence for its user, with what to do. */
public final class BadSamplingException extends DeltaSamplingException {

    private static final long serialVersionUID = 1L;

    private static final int MOST_QUOTED = 100;

    public BadSamplingException(String message) {
        this(message, null);
    }

    public BadSamplingException(String message, @Nullable Throwable cause) {
        super(Fault.REQUEST, message, cause);
    }

    /** {@code text} as messages quote it: at most 100 characters of it. */
    public static String quoted(String text) {
        return text.length() <= MOST_QUOTED ? text : text.substring(0, MOST_QUOTED) + "...";
    }
}
