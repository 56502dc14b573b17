package org.deltasampling.weights;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.DeltaSamplingException;
import org.deltasampling.file.BadFileException;
import org.deltasampling.file.WholeFile;
import org.deltasampling.tensor.TensorScope;

/** Writes .safetensors files, one tensor in memory at a time; the file appears whole or not at all. */
public final class SafetensorsWriter {

    private static final int CHUNK_BYTES = 4 << 20;

    /** The metadata entry by which {@link #wrote} knows our files. */
    private static final String WRITER = "writer";

    private static final String US = "delta-sampling";

    private SafetensorsWriter() {}

    /** Writes {@code tensors} to {@code path} without metadata of their own. */
    public static void write(Path path, Map<String, Tensor> tensors) {
        write(path, WeightSources.of(tensors), Map.of());
    }

    /**
     * Writes all of {@code source} to {@code path}, whose folder is made where there is none.
     *
     * @throws BadFileException if that cannot be written
     */
    public static void write(Path path, WeightSource source, Map<String, String> metadata) {
        Path folder = path.toAbsolutePath().getParent();
        if (folder != null) {
            WholeFile.folder(folder);
        }
        WholeFile.write(path, content(source, metadata));
    }

    /** All of {@code source} as the content of a file, for {@link WholeFile.Pending}. */
    public static WholeFile.Content content(WeightSource source, Map<String, String> metadata) {
        return out -> {
            Map<String, TensorInfo> infos = new LinkedHashMap<>();
            source.names().forEach(name -> infos.put(name, source.info(name)));
            List<Map.Entry<String, TensorInfo>> order = inOrder(infos);
            out.write(header(order, metadata));
            for (Map.Entry<String, TensorInfo> entry : order) {
                write(out, entry.getKey(), entry.getValue(), source);
            }
        };
    }

    /** Whether {@code file} is a .safetensors file that this class wrote. */
    public static boolean wrote(Path file) {
        try (WeightFile read = WeightFile.open(file)) {
            return US.equals(read.metadata().get(WRITER));
        } catch (DeltaSamplingException e) {
            return false; // whatever it is, it is not ours
        }
    }

    /** The widest numbers first: every tensor is then aligned to its own. */
    private static List<Map.Entry<String, TensorInfo>> inOrder(Map<String, TensorInfo> infos) {
        List<Map.Entry<String, TensorInfo>> order = new ArrayList<>(infos.entrySet());
        order.sort(
                Comparator.comparingInt(e -> -FileType.of(e.getValue().type()).bytes()));
        return order;
    }

    private static byte[] header(List<Map.Entry<String, TensorInfo>> order, Map<String, String> metadata)
            throws IOException {
        ObjectMapper json = new ObjectMapper();
        ObjectNode header = json.createObjectNode();
        ObjectNode entries =
                header.putObject("__metadata__").put("format", "pt").put(WRITER, US);
        metadata.forEach(entries::put);
        long offset = 0;
        for (Map.Entry<String, TensorInfo> named : order) {
            TensorInfo info = named.getValue();
            FileType type = FileType.of(info.type());
            ObjectNode entry = header.putObject(named.getKey()).put("dtype", type.name());
            Arrays.stream(info.shape()).forEach(entry.putArray("shape")::add);
            entry.putArray("data_offsets").add(offset).add(offset + info.count() * type.bytes());
            offset += info.count() * type.bytes();
        }
        byte[] text = json.writeValueAsBytes(header);
        int padded = (text.length + 7) / 8 * 8;
        ByteBuffer buffer = ByteBuffer.allocate(8 + padded).order(ByteOrder.LITTLE_ENDIAN);
        buffer.putLong(padded).put(text);
        while (buffer.hasRemaining()) {
            buffer.put((byte) ' ');
        }
        return buffer.array();
    }

    private static void write(OutputStream out, String name, TensorInfo info, WeightSource source) throws IOException {
        try (TensorScope scope = TensorScope.open()) {
            Tensor tensor = source.load(name);
            if (tensor.scalar_type().intern() != info.type() || tensor.numel() != info.count()) {
                throw new IllegalStateException(
                        "%s was announced as %s but is %s".formatted(name, info, TensorInfo.of(tensor)));
            }
            if (info.count() == 0) {
                return;
            }
            Tensor bytes = tensor.detach().cpu().contiguous().view(-1).view(torch.ScalarType.Byte);
            byte[] chunk = new byte[(int) Math.min(CHUNK_BYTES, bytes.numel())];
            for (long at = 0; at < bytes.numel(); at += chunk.length) {
                int length = (int) Math.min(chunk.length, bytes.numel() - at);
                ByteBuffer part = bytes.narrow(0, at, length).createBuffer();
                part.get(chunk, 0, length);
                out.write(chunk, 0, length);
            }
        }
    }
}
