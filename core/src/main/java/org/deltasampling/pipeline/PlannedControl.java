package org.deltasampling.pipeline;

import org.deltasampling.recipe.Recipe.Control;
import org.deltasampling.tensor.PixelSize;

/**
 * A control of a role, with its network.
 *
 * @param size of the images that the role sees
 */
record PlannedControl(Control control, ControlModel model, PixelSize size) {}
