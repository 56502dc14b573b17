/** */
@NullMarked
package org.deltasampling.diffusion;

import org.jspecify.annotations.NullMarked;
