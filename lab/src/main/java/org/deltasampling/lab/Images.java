package org.deltasampling.lab;

import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.tensor.Held;
import org.deltasampling.tensor.TensorScope;

/** Drawings and their images in memory, one byte a value, (count, 3, height, width). */
final class Images implements AutoCloseable {

    private final List<Drawing> drawings;
    private final List<Style> styles;
    private final Held bytes;

    private Images(List<Drawing> drawings, List<Style> styles, Held bytes) {
        this.drawings = drawings;
        this.styles = styles;
        this.bytes = bytes;
    }

    /** Renders the next {@code count} drawings, in each of {@code styles} by turns. */
    static Images draw(int count, Supplier<Drawing> next, List<Style> styles) {
        List<Drawing> drawings = new ArrayList<>();
        List<Style> used = new ArrayList<>();
        int area = 3 * Drawing.SIZE * Drawing.SIZE;
        try (TensorScope scope = TensorScope.open()) {
            Tensor all = torch.zeros(count, 3, Drawing.SIZE, Drawing.SIZE).to(torch.ScalarType.Byte);
            float[] pixels = new float[area];
            for (int i = 0; i < count; i++) {
                Drawing drawing = next.get();
                Style style = styles.get(i % styles.size());
                drawing.paint(style, pixels, 0);
                drawings.add(drawing);
                used.add(style);
                try (TensorScope one = TensorScope.open()) {
                    Tensor levels = torch.tensor(pixels)
                            .add(new Scalar(1))
                            .mul(new Scalar(127.5))
                            .round();
                    all.select(0, i).copy_(levels.view(3, Drawing.SIZE, Drawing.SIZE));
                }
            }
            return new Images(List.copyOf(drawings), List.copyOf(used), Held.of(all));
        }
    }

    int count() {
        return drawings.size();
    }

    Drawing drawing(int i) {
        return drawings.get(i);
    }

    Style style(int i) {
        return styles.get(i);
    }

    /** Images at {@code places} (n), int64, as float32 (n, 3, height, width) in [-1, 1]. */
    Tensor at(Tensor places) {
        return scaled(bytes.tensor().index_select(0, places));
    }

    /** {@code count} random images, by libtorch's generator, as float32 (count, 3, height, width) in [-1, 1]. */
    Tensor random(int count) {
        return at(torch.randint(count(), new long[] {count}).to(torch.ScalarType.Long));
    }

    /** Images {@code from} to {@code from + count}, as float32 (count, 3, height, width) in [-1, 1]. */
    Tensor range(int from, int count) {
        return scaled(bytes.tensor().narrow(0, from, count));
    }

    /** {@code images} of this data set's size, as float32 (count, 3, height, width) in [-1, 1]; owned by the current scope. */
    static Tensor tensor(List<BufferedImage> images) {
        int area = Drawing.SIZE * Drawing.SIZE;
        float[] values = new float[images.size() * 3 * area];
        for (int i = 0; i < images.size(); i++) {
            int[] rgb = images.get(i).getRGB(0, 0, Drawing.SIZE, Drawing.SIZE, null, 0, Drawing.SIZE);
            for (int pixel = 0; pixel < area; pixel++) {
                for (int channel = 0; channel < 3; channel++) {
                    values[(3 * i + channel) * area + pixel] = ((rgb[pixel] >> (16 - 8 * channel)) & 0xff) / 127.5f - 1;
                }
            }
        }
        return torch.tensor(values).view(images.size(), 3, Drawing.SIZE, Drawing.SIZE);
    }

    private static Tensor scaled(Tensor levels) {
        return levels.to(torch.ScalarType.Float)
                .mul_(new Scalar(1 / 127.5))
                .sub_(new Scalar(1))
                .contiguous(torch.MemoryFormat.ChannelsLast);
    }

    @Override
    public void close() {
        bytes.close();
    }
}
