/** */
@NullMarked
package org.deltasampling.nn;

import org.jspecify.annotations.NullMarked;
