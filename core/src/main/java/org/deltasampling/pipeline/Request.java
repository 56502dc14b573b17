package org.deltasampling.pipeline;

import java.util.HashSet;
import java.util.Set;

/** Who waits for the images of one request: told each sentence once, and able to cancel. */
final class Request {

    private final PipelineListener listener;
    private final Cancellation cancellation;
    private final Set<Object> told = new HashSet<>();

    Request(PipelineListener listener, Cancellation cancellation) {
        this.listener = listener;
        this.cancellation = cancellation;
    }

    PipelineListener listener() {
        return listener;
    }

    /** Where the work may end; see {@link Cancellation#check}. */
    void checkpoint() {
        cancellation.check();
    }

    void plan(MemoryPlan plan) {
        if (told.add(plan.phases())) {
            listener.plan(plan);
        }
    }

    void chose(String sentence) {
        if (told.add(sentence)) {
            listener.chose(sentence);
        }
    }

    void warn(String sentence) {
        if (told.add(sentence)) {
            listener.warning(sentence);
        }
    }
}
