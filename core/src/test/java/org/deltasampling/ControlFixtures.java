package org.deltasampling;

import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Path;
import java.util.Objects;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.weights.WeightFile;

/** What Pillow and OpenCV answer, see the resource {@code controlnet/make_images.py}. */
public final class ControlFixtures {

    private ControlFixtures() {}

    /** An answer of theirs; owned by the caller's scope. */
    public static Tensor tensor(String name) {
        URL images = Objects.requireNonNull(ControlFixtures.class.getResource("/controlnet/images.safetensors"));
        try (WeightFile file = WeightFile.open(Path.of(images.toURI()))) {
            return file.load(name);
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }
}
