/**
 * The demo models: what they are trained on, how, and what they show.
 *
 * <p>A {@link org.deltasampling.lab.Drawing} is a captioned image, drawn in a {@link org.deltasampling.lab.Style}.
 * {@link org.deltasampling.lab.Training} trains, on drawings and through the same networks that the program runs, an
 * autoencoder, a source, a target that knows more, adapters of the source for styles that neither has seen, and a
 * {@link org.deltasampling.lab.Judge}. The weights that it gave lie beside these classes;
 * {@link org.deltasampling.lab.DemoModels} hands them out as ordinary files, and {@link org.deltasampling.lab.Demo} shows
 * with them whether the adapters' styles come over to the target.
 */
@NullMarked
package org.deltasampling.lab;

import org.jspecify.annotations.NullMarked;
