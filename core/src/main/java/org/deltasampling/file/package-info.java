/**
 * Files of the user: outputs that appear whole or not at all ({@link org.deltasampling.file.WholeFile}), and the hashes of what
 * was read.
 */
@NullMarked
package org.deltasampling.file;

import org.jspecify.annotations.NullMarked;
