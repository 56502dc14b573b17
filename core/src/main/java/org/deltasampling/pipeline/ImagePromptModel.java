package org.deltasampling.pipeline;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.deltasampling.file.FileStamps;
import org.deltasampling.image.ImageFile;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.model.ImageEncoder;
import org.deltasampling.model.ipadapter.IpAdapter;
import org.deltasampling.model.ipadapter.IpAdapterFile;
import org.deltasampling.tensor.Device;
import org.deltasampling.tensor.Precision;
import org.jspecify.annotations.Nullable;

/** An IP-Adapter of one model, and the image encoder that it reads. */
final class ImagePromptModel implements SideModel {

    private final IpAdapterFile file;
    private final ImageEncoder encoder;
    private final Checkpoint model;
    private final Precision precision;
    private final Device device;
    private final FileStamps stamps;
    private @Nullable IpAdapter adapter;

    private ImagePromptModel(
            IpAdapterFile file, ImageEncoder encoder, Checkpoint model, Precision precision, Device device) {
        this.file = file;
        this.encoder = encoder;
        this.model = model;
        this.precision = precision;
        this.device = device;
        stamps = FileStamps.of(files());
        file.requireFits(model);
        file.requireFits(encoder);
    }

    /** The adapter at {@code path} with the encoder at {@code encoder}, whose weights are not yet read. */
    static ImagePromptModel open(Path path, Path encoder, Checkpoint model, Precision precision, Device device) {
        IpAdapterFile file = IpAdapterFile.open(path);
        try {
            ImageEncoder images = ImageEncoder.open(encoder);
            try {
                return new ImagePromptModel(file, images, model, precision, device);
            } catch (RuntimeException e) {
                images.close();
                throw e;
            }
        } catch (RuntimeException e) {
            file.close();
            throw e;
        }
    }

    @Override
    public List<Path> files() {
        List<Path> files = new ArrayList<>(List.of(file.path()));
        files.addAll(encoder.files());
        return files;
    }

    @Override
    public Device device() {
        return device;
    }

    @Override
    public MemoryPlan.Part inMemory() {
        return new MemoryPlan.Part("IP-Adapter " + file.path().getFileName(), file.bytes(precision));
    }

    @Override
    public void load(Consumer<Path> loading) {
        if (adapter == null) {
            loading.accept(file.path());
            adapter = file.load(model, encoder, precision, device);
        }
    }

    @Override
    public void release() {
        if (adapter != null) {
            adapter.close();
            adapter = null;
        }
    }

    /** The prompts of {@code images}, owned by the caller's region; it is loaded. */
    IpAdapter.Prompts prompts(List<Path> images, double weight) {
        return Objects.requireNonNull(adapter)
                .prompts(
                        images.stream()
                                .map(image -> ImageFile.tensor(ImageFile.read(image)))
                                .toList(),
                        weight);
    }

    @Override
    public FileStamps stamps() {
        return stamps;
    }

    @Override
    public void close() {
        release();
        encoder.close();
        file.close();
    }
}
