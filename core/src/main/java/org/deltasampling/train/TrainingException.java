package org.deltasampling.train;

import org.deltasampling.DeltaSamplingException;

/** A training that cannot go on; the message is one clear sentence for its user, with what to do. */
public final class TrainingException extends DeltaSamplingException {

    private static final long serialVersionUID = 1L;

    TrainingException(String message) {
        super(Fault.REQUEST, message, null);
    }
}
