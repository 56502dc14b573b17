/** */
@NullMarked
package org.deltasampling.sampling;

import org.jspecify.annotations.NullMarked;
