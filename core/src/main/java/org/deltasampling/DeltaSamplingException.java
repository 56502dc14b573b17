package org.deltasampling;

import org.jspecify.annotations.Nullable;

/**
 * Something that cannot be done as it was asked for; the message is one clear sentence for the user, with what to do. Every
 * other exception that leaves the library is a fault of the program.
 */
public abstract class DeltaSamplingException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /** What has to change before it can be done. */
    public enum Fault {
        /** The recipe or the sampling that was asked for. */
        REQUEST,
        /** A file that the request names. */
        FILE
    }

    private final Fault fault;

    protected DeltaSamplingException(Fault fault, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.fault = fault;
    }

    /** Whose mistake it is: that of the request, or of a file that it names. */
    public final Fault fault() {
        return fault;
    }
}
