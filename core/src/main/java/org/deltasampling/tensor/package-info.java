/** */
@NullMarked
package org.deltasampling.tensor;

import org.jspecify.annotations.NullMarked;
