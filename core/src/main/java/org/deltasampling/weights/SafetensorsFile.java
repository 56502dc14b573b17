package org.deltasampling.weights;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.MemoryFormatOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.tensor.Held;
import org.deltasampling.tensor.TensorScope;
import org.jspecify.annotations.Nullable;

/**
 * A .safetensors file, memory-mapped: nothing is copied into the heap, and a loaded tensor is a view of the mapping, or of a
 * copy where the system maps no file as large, that stays valid after {@link #close()}. Layout: 8 bytes of header length (little endian), a JSON header, the tensors.
 */
final class SafetensorsFile implements Container {

    /** Pages once touched stay with a mapping, so a new one is made each time this much has been handed out. */
    private static final long MAPPING_BYTES = 64L << 20;

    /** Queries, keys and values are one tensor in some files, and so are their biases. */
    private static final int COPIES = 4;

    private static final ObjectMapper JSON = JsonMapper.builder()
            .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
            .build();

    private final Path path;
    private final long size;
    private final Map<String, Entry> entries;
    private final Map<String, String> metadata;
    private @Nullable Held mapping;
    private long handedOut;
    private boolean mappable = true;

    /** By where they begin, the one that was not wanted for longest first. */
    private final Map<Long, Held> copies = new LinkedHashMap<>(2 * COPIES, 0.75f, true);

    private boolean closed;

    private record Entry(TensorInfo info, long begin, long bytes) {}

    private SafetensorsFile(Path path, long size, Map<String, Entry> entries, Map<String, String> metadata) {
        this.path = path;
        this.size = size;
        this.entries = Collections.unmodifiableMap(entries);
        this.metadata = Collections.unmodifiableMap(metadata);
    }

    /**
     * Opens a file and checks its header; no tensor is read.
     *
     * @throws BadWeightsException if it is not a whole safetensors file, saying what it is instead
     */
    static SafetensorsFile open(Path path) {
        if (Files.isDirectory(path)) {
            throw new BadWeightsException("%s is a folder where a .safetensors file is wanted".formatted(path));
        }
        if (!Files.exists(path)) {
            throw new BadWeightsException("%s does not exist".formatted(path));
        }
        try (FileChannel channel = FileChannel.open(path)) {
            long size = channel.size();
            long headerBytes = headerBytes(path, channel, size);
            JsonNode header = header(path, read(channel, 8, (int) headerBytes));
            Map<String, String> metadata = new LinkedHashMap<>();
            header.path("__metadata__")
                    .properties()
                    .forEach(e -> metadata.put(e.getKey(), e.getValue().asText()));
            return new SafetensorsFile(path, size, entries(path, header, 8 + headerBytes, size), metadata);
        } catch (IOException e) {
            throw new BadWeightsException("%s cannot be read: %s".formatted(path, e.getMessage()), e);
        }
    }

    private static long headerBytes(Path path, FileChannel channel, long size) throws IOException {
        byte[] start = read(channel, 0, (int) Math.min(size, FileSignature.SNIFFED_BYTES))
                .array();
        long length = start.length < 8
                ? 0
                : ByteBuffer.wrap(start).order(ByteOrder.LITTLE_ENDIAN).getLong();
        if (start.length < 9 || length < 2 || length > FileSignature.MAX_HEADER_BYTES || start[8] != '{') {
            throw new BadWeightsException("%s %s".formatted(path, FileSignature.describe(start)));
        }
        if (length > size - 8) {
            throw truncated(path);
        }
        return length;
    }

    private static BadWeightsException truncated(Path path) {
        return new BadWeightsException(
                "%s is cut short: its header describes more than the file holds; download or copy it again"
                        .formatted(path));
    }

    private static JsonNode header(Path path, ByteBuffer bytes) {
        try {
            JsonNode header = JSON.readTree(StandardCharsets.UTF_8.decode(bytes).toString());
            if (header.isObject()) {
                return header;
            }
            throw new BadWeightsException("%s is damaged: its header is not a JSON object".formatted(path));
        } catch (JsonProcessingException e) {
            throw new BadWeightsException(
                    "%s is damaged: its header is not valid JSON (%s); download or copy it again"
                            .formatted(path, e.getOriginalMessage()),
                    e);
        }
    }

    private static Map<String, Entry> entries(Path path, JsonNode header, long dataStart, long size) {
        Map<String, Entry> entries = new LinkedHashMap<>();
        header.properties().forEach(e -> {
            if (!e.getKey().equals("__metadata__")) {
                entries.put(e.getKey(), entry(path, e.getKey(), e.getValue(), dataStart));
            }
        });
        List<Map.Entry<String, Entry>> inOrder = new ArrayList<>(entries.entrySet());
        inOrder.sort(Comparator.comparingLong(e -> e.getValue().begin()));
        long end = dataStart;
        for (Map.Entry<String, Entry> next : inOrder) {
            Entry entry = next.getValue();
            if (entry.begin() < end && entry.bytes() > 0) {
                throw new BadWeightsException(
                        "%s is damaged: the bytes of %s overlap another tensor's".formatted(path, next.getKey()));
            }
            end = Math.max(end, entry.begin() + entry.bytes());
        }
        if (end > size) {
            throw truncated(path);
        }
        return entries;
    }

    private static Entry entry(Path path, String name, JsonNode node, long dataStart) {
        JsonNode shapeNode = node.path("shape");
        JsonNode offsets = node.path("data_offsets");
        if (!node.path("dtype").isTextual() || !shapeNode.isArray() || !offsets.isArray() || offsets.size() != 2) {
            throw new BadWeightsException(
                    "%s is damaged: its header does not say type, shape and place of %s".formatted(path, name));
        }
        FileType type = FileType.named(node.path("dtype").textValue());
        if (type == null) {
            throw new BadWeightsException(
                    "%s holds %s as %s, a number format that is not read; convert it to F16, BF16 or F32"
                            .formatted(path, name, node.path("dtype").textValue()));
        }
        long begin = offsets.get(0).asLong(-1);
        long end = offsets.get(1).asLong(-1);
        long[] shape = new long[shapeNode.size()];
        long bytes = type.bytes();
        try {
            for (int i = 0; i < shape.length; i++) {
                shape[i] = shapeNode.get(i).asLong(-1);
                bytes = Math.multiplyExact(bytes, shape[i]);
            }
        } catch (ArithmeticException e) {
            bytes = -1;
        }
        if (begin < 0 || bytes < 0 || end - begin != bytes) {
            throw new BadWeightsException("%s is damaged: %s of type %s and shape %s cannot fill its bytes %d to %d"
                    .formatted(path, name, type, shapeNode, begin, end));
        }
        return new Entry(new TensorInfo(type.type(), shape), dataStart + begin, bytes);
    }

    private static ByteBuffer read(FileChannel channel, long from, int count) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(count);
        while (buffer.hasRemaining() && channel.read(buffer, from + buffer.position()) >= 0) {}
        return buffer.flip();
    }

    @Override
    public Map<String, String> metadata() {
        return metadata;
    }

    @Override
    public Set<String> names() {
        return entries.keySet();
    }

    @Override
    public TensorInfo info(String name) {
        return entry(name).info();
    }

    @Override
    public Tensor load(String name) {
        Entry entry = entry(name);
        return TensorScope.scopedTensor(() -> {
            torch.ScalarType type = entry.info().type();
            Tensor bytes = mapped(entry);
            return bytes.view(type).view(entry.info().shape());
        });
    }

    private Tensor mapped(Entry entry) {
        Tensor whole = mapping(entry.bytes());
        if (whole == null) {
            return copied(entry);
        }
        Tensor bytes = whole.narrow(0, entry.begin(), entry.bytes());
        boolean aligned = entry.begin() % FileType.of(entry.info().type()).bytes() == 0;
        return aligned ? bytes : bytes.clone();
    }

    /** The tensor as {@link #load} gives it where the file is not mapped. */
    Tensor copied(String name) {
        Entry entry = entry(name);
        return TensorScope.scopedTensor(
                () -> copied(entry).view(entry.info().type()).view(entry.info().shape()));
    }

    /** A copy of the file's bytes; the last few are the same ones again, for those who each take a part of a tensor. */
    private synchronized Tensor copied(Entry entry) {
        Held copy = copies.get(entry.begin());
        if (copy == null) {
            copy = Held.of(read(entry));
            copies.put(entry.begin(), copy);
            if (copies.size() > COPIES) {
                Long eldest = copies.keySet().iterator().next();
                Objects.requireNonNull(copies.remove(eldest)).close();
            }
        }
        return copy.tensor().narrow(0, 0, entry.bytes());
    }

    private Tensor read(Entry entry) {
        Tensor bytes = torch.empty(
                new long[] {entry.bytes()}, new TensorOptions(torch.ScalarType.Byte), new MemoryFormatOptional());
        try (FileChannel channel = FileChannel.open(path)) {
            for (long at = 0; at < entry.bytes(); at += MAPPING_BYTES) {
                ByteBuffer chunk = bytes.narrow(0, at, Math.min(MAPPING_BYTES, entry.bytes() - at))
                        .createBuffer();
                while (chunk.hasRemaining()) {
                    if (channel.read(chunk, entry.begin() + at + chunk.position()) < 0) {
                        throw truncated(path);
                    }
                }
            }
        } catch (IOException e) {
            throw new BadWeightsException("%s cannot be read: %s".formatted(path, e.getMessage()), e);
        }
        return bytes;
    }

    private Entry entry(String name) {
        return Nearest.found(name, entries, origin());
    }

    /** The whole file; null where the system does not map it, as Linux does not if it is larger than the memory. */
    private synchronized @Nullable Tensor mapping(long wanted) {
        if (closed) {
            throw new IllegalStateException(path + " is closed");
        }
        handedOut += wanted;
        if (mappable && (mapping == null || handedOut > MAPPING_BYTES)) {
            release();
            handedOut = wanted;
            mapping = map();
            mappable = mapping != null;
        }
        return mapping == null ? null : mapping.tensor();
    }

    private @Nullable Held map() {
        try {
            return Held.of(torch.from_file(
                    path.toString(),
                    new BoolOptional(false),
                    new LongOptional(size),
                    new TensorOptions(torch.ScalarType.Byte)));
        } catch (RuntimeException e) {
            return null; // what libtorch throws says no more than that; where the file is gone, reading says so
        }
    }

    private void release() {
        if (mapping != null) {
            mapping.close();
            mapping = null;
        }
    }

    @Override
    public String origin() {
        return path.toString();
    }

    @Override
    public synchronized void close() {
        closed = true;
        release();
        copies.values().forEach(Held::close);
        copies.clear();
    }
}
