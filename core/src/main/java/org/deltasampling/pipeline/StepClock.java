package org.deltasampling.pipeline;

/** Which step of a trajectory is being taken; counted on by its loop, read by what acts in some steps alone. */
final class StepClock {

    private final int count;
    private int index;

    /** @param count of all steps */
    StepClock(int count) {
        this.count = count;
    }

    /** How many there are. */
    int count() {
        return count;
    }

    /** The one that is being taken, from 0 on. */
    int index() {
        return index;
    }

    void next() {
        index++;
    }
}
