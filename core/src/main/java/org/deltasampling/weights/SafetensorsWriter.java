package org.deltasampling.weights;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.tensor.TensorScope;

/** Writes .safetensors files, one tensor in memory at a time; the file appears whole or not at all. */
public final class SafetensorsWriter {

    private static final long CHUNK_BYTES = 64L << 20;

    private SafetensorsWriter() {}

    /** Writes {@code tensors} to {@code path} without metadata. */
    public static void write(Path path, Map<String, Tensor> tensors) {
        write(path, WeightSources.of(tensors), Map.of());
    }

    /**
     * Writes all of {@code source} to {@code path}, first to a file beside it, which then takes its place at once.
     *
     * @throws UncheckedIOException if the disk refuses
     */
    public static void write(Path path, WeightSource source, Map<String, String> metadata) {
        Map<String, TensorInfo> infos = new LinkedHashMap<>();
        source.names().forEach(name -> infos.put(name, source.info(name)));
        try {
            Path whole = path.toAbsolutePath();
            Path folder = whole.getParent();
            if (folder != null) {
                Files.createDirectories(folder);
            }
            Path unfinished = whole.resolveSibling(".%s.%d.part"
                    .formatted(path.getFileName(), ProcessHandle.current().pid()));
            unfinished.toFile().deleteOnExit(); // Ctrl-C leaves nothing behind
            try {
                try (FileChannel out = FileChannel.open(
                        unfinished,
                        StandardOpenOption.CREATE,
                        StandardOpenOption.TRUNCATE_EXISTING,
                        StandardOpenOption.WRITE)) {
                    List<Map.Entry<String, TensorInfo>> order = inOrder(infos);
                    writeAll(out, header(order, metadata));
                    for (Map.Entry<String, TensorInfo> entry : order) {
                        write(out, entry.getKey(), entry.getValue(), source);
                    }
                }
                Files.move(unfinished, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            } finally {
                Files.deleteIfExists(unfinished);
            }
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write " + path, e);
        }
    }

    /** The widest numbers first: every tensor is then aligned to its own. */
    private static List<Map.Entry<String, TensorInfo>> inOrder(Map<String, TensorInfo> infos) {
        List<Map.Entry<String, TensorInfo>> order = new ArrayList<>(infos.entrySet());
        order.sort(
                Comparator.comparingInt(e -> -FileType.of(e.getValue().type()).bytes()));
        return order;
    }

    private static ByteBuffer header(List<Map.Entry<String, TensorInfo>> order, Map<String, String> metadata)
            throws IOException {
        ObjectMapper json = new ObjectMapper();
        ObjectNode header = json.createObjectNode();
        if (!metadata.isEmpty()) {
            header.set("__metadata__", json.valueToTree(metadata));
        }
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
        return buffer.flip();
    }

    private static void write(FileChannel out, String name, TensorInfo info, WeightSource source) throws IOException {
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
            for (long at = 0; at < bytes.numel(); at += CHUNK_BYTES) {
                ByteBuffer chunk = bytes.narrow(0, at, Math.min(CHUNK_BYTES, bytes.numel() - at))
                        .createBuffer();
                writeAll(out, chunk);
            }
        }
    }

    private static void writeAll(FileChannel out, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            out.write(bytes);
        }
    }
}
