/** */
@NullMarked
package org.deltasampling.weights;

import org.jspecify.annotations.NullMarked;
