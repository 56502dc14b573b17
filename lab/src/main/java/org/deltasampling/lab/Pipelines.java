package org.deltasampling.lab;

import java.awt.image.BufferedImage;
import java.util.List;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.deltasampling.image.Image;
import org.deltasampling.pipeline.Pipeline;
import org.deltasampling.pipeline.PipelineListener;
import org.deltasampling.recipe.Recipe;

/** As many pipelines as threads ask for images at the same time, since one makes them one after the other. */
final class Pipelines implements AutoCloseable {

    /** Without a limit of memory: the demo's models are small, and the plan of one pipeline does not know of the others. */
    private static final Pipeline.Options OPTIONS =
            Pipeline.Options.DEFAULT.withoutHashes().memory(Long.MAX_VALUE).together(24);

    private final Queue<Pipeline> idle = new ConcurrentLinkedQueue<>();

    /** The images of {@code recipes}, in their order. */
    List<BufferedImage> generate(List<Recipe> recipes) {
        Pipeline pipeline = Objects.requireNonNullElseGet(idle.poll(), () -> new Pipeline(OPTIONS));
        try {
            return pipeline.generateAll(recipes, PipelineListener.NONE).stream()
                    .map(Image::toBufferedImage)
                    .toList();
        } finally {
            idle.add(pipeline);
        }
    }

    @Override
    public void close() {
        idle.forEach(Pipeline::close);
    }
}
