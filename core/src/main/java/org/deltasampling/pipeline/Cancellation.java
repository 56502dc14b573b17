package org.deltasampling.pipeline;

import java.util.concurrent.CancellationException;

/** Lets another thread end the making of an image; it ends before the next step, or the next part of the work that has none. */
public final class Cancellation {

    private volatile boolean cancelled;

    /** A cancellation that nobody asks for. */
    static Cancellation none() {
        return new Cancellation();
    }

    /** Asks for the end; asking again changes nothing. */
    public void cancel() {
        cancelled = true;
    }

    /** Whether it was asked for. */
    public boolean isCancelled() {
        return cancelled;
    }

    /**
     * Goes on where nobody asked for the end.
     *
     * @throws CancellationException otherwise
     */
    void check() {
        if (cancelled) {
            throw new CancellationException("the image was cancelled");
        }
    }
}
