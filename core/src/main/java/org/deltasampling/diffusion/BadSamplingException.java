package org.deltasampling.diffusion;

import org.deltasampling.DeltaSamplingException;
import org.jspecify.annotations.Nullable;

/** A sampling that cannot be done as asked; the message is one clear sentence for its user, with what to do. */
public final class BadSamplingException extends DeltaSamplingException {

    private static final long serialVersionUID = 1L;

    public BadSamplingException(String message) {
        this(message, null);
    }

    public BadSamplingException(String message, @Nullable Throwable cause) {
        super(Fault.REQUEST, message, cause);
    }
}
