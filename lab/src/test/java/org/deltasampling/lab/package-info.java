@NullMarked
package org.deltasampling.lab;

import org.jspecify.annotations.NullMarked;
