package org.deltasampling.lab;

import java.util.List;

/**
 * A model that styles are transferred to.
 *
 * @param title for people
 * @param bridges from the source's latents; the first is used, the others are compared with it
 * @param lambdas that are tried
 * @param shown the one of them whose images are shown
 */
record Target(String title, Painter model, List<Bridge> bridges, List<Double> lambdas, double shown, Prompts prompts) {

    /** The one that is used. */
    Bridge bridge() {
        return bridges.get(0);
    }

    /** Those that are compared with it. */
    List<Bridge> otherBridges() {
        return bridges.subList(1, bridges.size());
    }
}
