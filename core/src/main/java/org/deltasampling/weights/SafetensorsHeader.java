package org.deltasampling.weights;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deltasampling.file.Quoted;

/** What a .safetensors file says of its tensors. */
final class SafetensorsHeader {

    /** No tensor of a model has more; libtorch allows 64. */
    static final int MAX_AXES = 8;

    /** A tensor, and which bytes of the file it is. */
    record Entry(TensorInfo info, long begin, long bytes) {}

    private final Path path;
    private final long dataStart;
    private final long size;
    private final Map<String, Entry> entries = new LinkedHashMap<>();
    private final Map<String, String> metadata = new LinkedHashMap<>();

    private SafetensorsHeader(Path path, long dataStart, long size) {
        this.path = path;
        this.dataStart = dataStart;
        this.size = size;
    }

    /**
     * Reads the header and checks that each tensor has bytes of its own in the file.
     *
     * @throws BadWeightsException if it is not one of a whole file
     */
    static SafetensorsHeader read(Path path, FileChannel channel) throws IOException {
        long size = channel.size();
        long bytes = bytes(path, channel, size);
        SafetensorsHeader header = new SafetensorsHeader(path, 8 + bytes, size);
        header.read(bytes(channel, 8, (int) bytes));
        header.requireTheirOwnBytes();
        return header;
    }

    /** The tensors by name. */
    Map<String, Entry> entries() {
        return Collections.unmodifiableMap(entries);
    }

    /** The text entries beside the tensors. */
    Map<String, String> metadata() {
        return Collections.unmodifiableMap(metadata);
    }

    private static long bytes(Path path, FileChannel channel, long size) throws IOException {
        byte[] start = bytes(channel, 0, (int) Math.min(size, FileSignature.SNIFFED_BYTES));
        long length = start.length < 8
                ? 0
                : ByteBuffer.wrap(start).order(ByteOrder.LITTLE_ENDIAN).getLong();
        if (start.length < 9 || length < 2 || start[8] != '{') {
            throw new BadWeightsException("%s %s".formatted(path, FileSignature.describe(start)));
        }
        if (length > JsonFile.MAX_BYTES) {
            throw new BadWeightsException(
                    "%s is damaged: its header is said to be of %d bytes; download or copy it again"
                            .formatted(path, length));
        }
        if (length > size - 8) {
            throw truncated(path);
        }
        return length;
    }

    private static byte[] bytes(FileChannel channel, long from, int count) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(count);
        while (buffer.hasRemaining() && channel.read(buffer, from + buffer.position()) >= 0) {}
        return buffer.array();
    }

    static BadWeightsException truncated(Path path) {
        return new BadWeightsException(
                "%s is cut short: its header describes more than the file holds; download or copy it again"
                        .formatted(path));
    }

    /** Entry by entry, so that memory is taken by what the header describes and not by its text. */
    private void read(byte[] text) throws IOException {
        try (JsonParser json = JsonFile.JSON.createParser(text)) {
            json.nextToken();
            for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
                json.nextToken();
                JsonNode value = json.readValueAsTree();
                if (name.equals("__metadata__")) {
                    value.properties()
                            .forEach(e -> metadata.put(e.getKey(), e.getValue().asText()));
                } else {
                    entries.put(name, entry(name, value));
                }
            }
            if (json.currentToken() != JsonToken.END_OBJECT || json.nextToken() != null) {
                throw damaged("its header is not one JSON object");
            }
        } catch (JsonProcessingException e) {
            throw new BadWeightsException(
                    "%s is damaged: its header is not valid JSON (%s); download or copy it again"
                            .formatted(path, Quoted.of(e.getOriginalMessage())),
                    e);
        }
    }

    private void requireTheirOwnBytes() {
        List<Map.Entry<String, Entry>> inOrder = new ArrayList<>(entries.entrySet());
        inOrder.sort(Comparator.comparingLong(e -> e.getValue().begin()));
        long end = dataStart;
        for (Map.Entry<String, Entry> next : inOrder) {
            Entry entry = next.getValue();
            if (entry.begin() < end && entry.bytes() > 0) {
                throw damaged("the bytes of %s overlap another tensor's".formatted(Quoted.of(next.getKey())));
            }
            end = Math.max(end, entry.begin() + entry.bytes());
        }
    }

    private Entry entry(String name, JsonNode node) {
        JsonNode shape = node.path("shape");
        JsonNode offsets = node.path("data_offsets");
        if (!node.path("dtype").isTextual() || !shape.isArray() || !offsets.isArray() || offsets.size() != 2) {
            throw damaged("its header does not say type, shape and place of " + Quoted.of(name));
        }
        String dtype = node.path("dtype").textValue();
        FileType type = FileType.named(dtype);
        if (type == null) {
            throw new BadWeightsException(
                    "%s holds %s as %s, a number format that is not read; convert it to F16, BF16 or F32"
                            .formatted(path, Quoted.of(name), Quoted.of(dtype)));
        }
        long begin = count(offsets.get(0));
        long end = count(offsets.get(1));
        long bytes = shape.size() > MAX_AXES ? -1 : bytes(type, shape);
        if (begin < 0 || end < 0 || bytes < 0 || end - begin != bytes) {
            throw damaged("%s of type %s and shape %s cannot fill its bytes %s to %s"
                    .formatted(
                            Quoted.of(name),
                            type,
                            Quoted.of(shape.toString()),
                            Quoted.of(offsets.get(0).toString()),
                            Quoted.of(offsets.get(1).toString())));
        }
        if (end > size - dataStart) {
            throw truncated(path);
        }
        return new Entry(new TensorInfo(type.type(), counts(shape)), dataStart + begin, bytes);
    }

    /** How many bytes a tensor takes, or -1 if no tensor has that shape: not even the axes beside an empty one overflow. */
    private static long bytes(FileType type, JsonNode shape) {
        long stride = type.bytes();
        boolean empty = false;
        for (long axis : counts(shape)) {
            empty |= axis == 0;
            if (axis < 0 || Math.multiplyHigh(stride, Math.max(1, axis)) != 0 || stride * Math.max(1, axis) < 0) {
                return -1;
            }
            stride *= Math.max(1, axis);
        }
        return empty ? 0 : stride;
    }

    private static long[] counts(JsonNode numbers) {
        long[] counts = new long[numbers.size()];
        for (int i = 0; i < counts.length; i++) {
            counts[i] = count(numbers.get(i));
        }
        return counts;
    }

    /** A whole number of at least 0, or -1 for all else. */
    private static long count(JsonNode node) {
        return node.isIntegralNumber() && node.canConvertToLong() ? Math.max(-1, node.longValue()) : -1;
    }

    private BadWeightsException damaged(String why) {
        return new BadWeightsException("%s is damaged: %s; download or copy it again".formatted(path, why));
    }
}
