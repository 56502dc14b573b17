/**
 * From a recipe to an image: plan, load, sample, decode. The only package that knows all the others.
 */
@NullMarked
package org.deltasampling.pipeline;

import org.jspecify.annotations.NullMarked;
