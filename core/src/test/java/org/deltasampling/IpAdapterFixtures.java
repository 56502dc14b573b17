package org.deltasampling;

import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.Objects;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.image.ImageFile;
import org.deltasampling.tensor.ImageTensor;
import org.deltasampling.weights.WeightFile;

/** What {@code make.py} in the resource folder {@code ipadapter} made. */
public final class IpAdapterFixtures {

    private IpAdapterFixtures() {}

    /** A file or folder. */
    public static Path path(String name) {
        try {
            return Path.of(Objects.requireNonNull(IpAdapterFixtures.class.getResource("/ipadapter/" + name), name)
                    .toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Image a or b. */
    public static ImageTensor image(String name) {
        return ImageFile.tensor(ImageFile.read(path(name + ".png")));
    }

    /** An input or answer of the case {@code io}. */
    public static Tensor tensor(String io, String name) {
        try (WeightFile file = WeightFile.open(path("io-" + io + ".safetensors"))) {
            return file.load(name);
        }
    }
}
