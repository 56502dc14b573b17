/**
 * Files of the user: outputs that appear whole or not at all ({@link org.deltasampling.file.WholeFile}) and replace only what
 * they may ({@link org.deltasampling.file.Overwriting}), inputs that must stay as they are ({@link
 * org.deltasampling.file.FileStamp}) and their hashes, and how paths and names out of files are read and quoted.
 */
@NullMarked
package org.deltasampling.file;

import org.jspecify.annotations.NullMarked;
