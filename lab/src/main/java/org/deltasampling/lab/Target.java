package org.deltasampling.lab;

import java.util.List;
import org.deltasampling.recipe.Recipe.Role;

/**
 * A model that styles are transferred to.
 *
 * @param title for people
 * @param bridges from the source's latents; the first is used, the others are compared with it
 * @param lambdas that are tried
 * @param shown the one of them whose images are shown
 */
record Target(
        String title, Role model, List<NamedBridge> bridges, List<Double> lambdas, double shown, Prompts prompts) {

    /** The one that is used. */
    NamedBridge bridge() {
        return bridges.get(0);
    }

    /** Those that are compared with it. */
    List<NamedBridge> otherBridges() {
        return bridges.subList(1, bridges.size());
    }
}
