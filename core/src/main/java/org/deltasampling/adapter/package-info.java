/** */
@NullMarked
package org.deltasampling.adapter;

import org.jspecify.annotations.NullMarked;
