package org.deltasampling.diffusion;

/** A sampling that cannot be done as asked; the message is one clear sentence for its user, with what to do. */
public final class BadSamplingException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public BadSamplingException(String message) {
        super(message);
    }
}
