package org.deltasampling.recipe;

import org.deltasampling.DeltaSamplingException;
import org.jspecify.annotations.Nullable;

/** A recipe that cannot be followed; the message is one clear sentence for its user, with what to do. */
public final class BadRecipeException extends DeltaSamplingException {

    private static final long serialVersionUID = 1L;

    public BadRecipeException(String message) {
        this(message, null);
    }

    public BadRecipeException(String message, @Nullable Throwable cause) {
        super(Fault.REQUEST, message, cause);
    }
}
