/**
 * From a recipe to a picture: the only package that knows all the others.
 *
 * <p>{@link org.deltasampling.generate.Recipe} is everything that determines a picture, as records; it is read from YAML,
 * JSON or a PNG. {@link org.deltasampling.generate.Provenance} is the text that a PNG carries: its recipe and the hashes of
 * its model files. {@link org.deltasampling.generate.WholeFile} writes files that are there whole or not at all.
 */
@NullMarked
package org.deltasampling.generate;

import org.jspecify.annotations.NullMarked;
