package org.deltasampling.generate;

/** A recipe that cannot be followed; the message is one clear sentence for its user, with what to do. */
public final class BadRecipeException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public BadRecipeException(String message) {
        super(message);
    }

    public BadRecipeException(String message, Throwable cause) {
        super(message, cause);
    }
}
