/**
 * From a prompt to token ids. {@link org.deltasampling.text.ClipTokenizer} is either the 49,408 tokens that OpenAI trained
 * CLIP with (a resource of this package, for single-file checkpoints) or that of a model's own folder; {@link
 * org.deltasampling.text.T5Tokenizer} is read from the model's folder or a file. {@link org.deltasampling.text.Encoded} holds the ids,
 * and what of the prompt was cut off.
 *
 * <p>Letters and lower case are those of the running Java's Unicode: ids agree with Hugging Face's tokenizer for every
 * character that both know.
 */
@NullMarked
package org.deltasampling.text;

import org.jspecify.annotations.NullMarked;
