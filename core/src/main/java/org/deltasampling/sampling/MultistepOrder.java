package org.deltasampling.sampling;

/** The order of each step of diffusers' multistep solvers. */
final class MultistepOrder {

    /** Plans of fewer steps than this end in steps of lower order, where the config does not say otherwise. */
    private static final int FEW = 15;

    private MultistepOrder() {}

    /**
     * The order of step {@code i} of {@code steps}: at most {@code order}, rising at the beginning as far as there is a
     * history, and falling to 1 at the end of few steps if {@code lowerOrderFinal}.
     */
    static int at(int i, int steps, int order, boolean lowerOrderFinal) {
        int rising = Math.min(order, i + 1);
        return lowerOrderFinal && steps < FEW ? Math.min(rising, steps - i) : rising;
    }
}
