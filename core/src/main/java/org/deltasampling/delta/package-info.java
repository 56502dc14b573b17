/** */
@NullMarked
package org.deltasampling.delta;

import org.jspecify.annotations.NullMarked;
