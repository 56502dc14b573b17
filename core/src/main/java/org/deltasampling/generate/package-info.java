/** */
@NullMarked
package org.deltasampling.generate;

import org.jspecify.annotations.NullMarked;
