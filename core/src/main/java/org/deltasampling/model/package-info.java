/** */
@NullMarked
package org.deltasampling.model;

import org.jspecify.annotations.NullMarked;
