@NullMarked
package org.deltasampling.app;

import org.jspecify.annotations.NullMarked;
