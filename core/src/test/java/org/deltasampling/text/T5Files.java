package org.deltasampling.text;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Files of T5 tokenizers, as SentencePiece writes them. */
public final class T5Files {

    private T5Files() {}

    /** The pieces of a tokenizer.json as SentencePiece writes them. */
    public static byte[] sentencePiece(JsonNode tokenizer) {
        ByteArrayOutputStream file = new ByteArrayOutputStream();
        for (JsonNode piece : tokenizer.at("/model/vocab")) {
            String text = piece.get(0).asText();
            int type = text.equals("<unk>") ? 2 : text.equals("<pad>") || text.equals("</s>") ? 3 : 1;
            ByteArrayOutputStream message = new ByteArrayOutputStream();
            field(message, 10, text.getBytes(StandardCharsets.UTF_8));
            message.write(21); // field 2, four bytes
            message.writeBytes(ByteBuffer.allocate(4)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putFloat((float) piece.get(1).asDouble())
                    .array());
            message.writeBytes(new byte[] {24, (byte) type});
            field(file, 10, message.toByteArray());
        }
        return file.toByteArray();
    }

    private static void field(ByteArrayOutputStream out, int key, byte[] bytes) {
        out.writeBytes(new byte[] {(byte) key, (byte) bytes.length});
        out.writeBytes(bytes);
    }

    /** A double array in which every node of the trie has a block of 256 units for itself. */
    public static byte[] charsMap(Map<String, String> table) {
        ByteArrayOutputStream texts = new ByteArrayOutputStream();
        Map<List<Byte>, Integer> values = new LinkedHashMap<>();
        Map<List<Byte>, Integer> nodes = new LinkedHashMap<>();
        nodes.put(List.of(), 256);
        table.forEach((key, text) -> {
            List<Byte> bytes = bytes(key);
            values.put(bytes, texts.size());
            texts.writeBytes(text.getBytes(StandardCharsets.UTF_8));
            texts.write(0);
            for (int i = 1; i <= bytes.size(); i++) {
                nodes.putIfAbsent(bytes.subList(0, i), 256 * (nodes.size() + 1));
            }
        });
        TreeMap<Integer, Integer> units = new TreeMap<>();
        nodes.forEach((node, base) -> {
            int label = node.isEmpty() ? 0 : node.get(node.size() - 1) & 0xff;
            int at = node.isEmpty() ? 0 : nodes.getOrDefault(node.subList(0, node.size() - 1), 0) ^ label;
            Integer value = values.get(node);
            units.put(at, label | (at ^ base) << 10 | (value == null ? 0 : 1 << 8));
            if (value != null) {
                units.put(base, value | 1 << 31);
            }
        });
        int count = 256 * (nodes.size() + 1);
        ByteBuffer all = ByteBuffer.allocate(4 + 4 * count + texts.size()).order(ByteOrder.LITTLE_ENDIAN);
        all.putInt(4 * count);
        units.forEach((at, unit) -> all.putInt(4 + 4 * at, unit));
        all.position(4 + 4 * count).put(texts.toByteArray());
        return all.array();
    }

    private static List<Byte> bytes(String text) {
        Byte[] boxed = new Byte[text.getBytes(StandardCharsets.UTF_8).length];
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        Arrays.setAll(boxed, i -> bytes[i]);
        return List.of(boxed);
    }
}
