package org.deltasampling.weights;

import org.deltasampling.DeltaSamplingException;
import org.jspecify.annotations.Nullable;

/** A model or adapter file that cannot be used; the message is one clear sentence for its user, with what to do. */
public final class BadWeightsException extends DeltaSamplingException {

    private static final long serialVersionUID = 1L;

    public BadWeightsException(String message) {
        this(message, null);
    }

    public BadWeightsException(String message, @Nullable Throwable cause) {
        super(Fault.FILE, message, cause);
    }
}
