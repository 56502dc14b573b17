package org.deltasampling.file;

import org.deltasampling.DeltaSamplingException;
import org.jspecify.annotations.Nullable;

/** A file that cannot be read or written; the message is one clear sentence for its user, with what to do. */
public final class BadFileException extends DeltaSamplingException {

    private static final long serialVersionUID = 1L;

    public BadFileException(String message) {
        this(message, null);
    }

    public BadFileException(String message, @Nullable Throwable cause) {
        super(Fault.FILE, message, cause);
    }
}
