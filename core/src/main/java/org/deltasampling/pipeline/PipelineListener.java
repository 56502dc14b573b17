package org.deltasampling.pipeline;

import java.nio.file.Path;

/** What is told while an image is made, on the pipeline's own thread. */
public interface PipelineListener {

    /** Listens to nothing. */
    PipelineListener NONE = new PipelineListener() {};

    /** What will be in memory when; told before anything large is read. */
    default void plan(MemoryPlan plan) {}

    /** The prompts are being encoded by the text encoders of a model, which are read for that and released. */
    default void encoding(Path model) {}

    /** The denoising network of a model is being read. */
    default void loading(Path model) {}

    /** {@code done} of {@code steps} steps have been taken; first told with 0. */
    default void step(int done, int steps) {}

    /** The latents are being decoded. */
    default void decoding() {}

    /** The image is there; what remains are the hashes of its files. */
    default void decoded() {}

    /** Something that was chosen for the user, in one sentence. */
    default void chose(String sentence) {}

    /** Something that the user may not have meant, in one sentence. */
    default void warning(String sentence) {}
}
