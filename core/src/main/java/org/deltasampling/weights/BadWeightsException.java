package org.deltasampling.weights;

/** A model or adapter file that cannot be used; the message is one clear sentence for its user, with what to do. */
public final class BadWeightsException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public BadWeightsException(String message) {
        super(message);
    }

    public BadWeightsException(String message, Throwable cause) {
        super(message, cause);
    }
}
