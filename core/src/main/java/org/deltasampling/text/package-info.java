/** */
@NullMarked
package org.deltasampling.text;

import org.jspecify.annotations.NullMarked;
