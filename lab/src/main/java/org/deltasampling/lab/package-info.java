/**
 * The demo models: their data set, their training, and what they show.
 *
 * <p>A {@link org.deltasampling.lab.Drawing} is a captioned image, rendered in a {@link org.deltasampling.lab.Style}.
 * {@link org.deltasampling.lab.Training} trains, on drawings and with core's networks, autoencoders, a source, targets that
 * are trained on more, adapters of the source for styles that no target is trained on, and a
 * {@link org.deltasampling.lab.Classifier}. The trained weights are resources of this package: {@link
 * org.deltasampling.lab.DemoModels} copies them into a folder as ordinary files, and {@link org.deltasampling.lab.Demo}
 * measures with them whether the adapters' styles transfer to the targets.
 */
@NullMarked
package org.deltasampling.lab;

import org.jspecify.annotations.NullMarked;
