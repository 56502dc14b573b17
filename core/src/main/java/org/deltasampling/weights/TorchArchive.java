package org.deltasampling.weights;

import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.zip.Inflater;
import java.util.zip.InflaterInputStream;
import org.deltasampling.file.Quoted;

/**
 * A file of {@code torch.save} taken apart, in either form (PyTorch, {@code torch/serialization.py}).
 *
 * @param value of its pickle
 * @param storages where the numbers are, by the keys that the pickle has for them
 */
record TorchArchive(Object value, Map<String, StoredBytes> storages) {

    /** The first pickle of a legacy file. */
    private static final BigInteger MAGIC = new BigInteger("1950a86a20f9469cfc6c", 16);

    private static final String LITTLE = "little";

    private static final Long VERSION = 1001L;

    /**
     * The form since version 1.6: a zip archive, with the pickle in {@code NAME/data.pkl}, the storages in {@code NAME/data/KEY},
     * and {@code little} or {@code big} in {@code NAME/byteorder}.
     */
    static TorchArchive zip(Path path, FileChannel channel, PickleAllowance allowance) throws IOException {
        Map<String, StoredBytes> entries = ZipDirectory.read(path, channel, allowance);
        List<String> pickles = entries.keySet().stream()
                .filter(name -> name.endsWith("/data.pkl") && name.indexOf('/') == name.lastIndexOf('/'))
                .toList();
        if (pickles.size() != 1) {
            throw new BadWeightsException(
                    "%s is a zip archive, but not one that PyTorch wrote (it has no data.pkl): if a model is packed in it, unpack it"
                            .formatted(path));
        }
        String folder = pickles.get(0).substring(0, pickles.get(0).length() - "data.pkl".length());
        StoredBytes order = entries.get(folder + "byteorder");
        if (order != null) {
            try (InputStream in = content(channel, order, allowance)) {
                String text = new String(in.readNBytes(LITTLE.length()), StandardCharsets.US_ASCII);
                requireLittleEndian(path, text.equals(LITTLE));
            }
        }
        Unpickler.Result pickle;
        try (InputStream in = content(channel, Objects.requireNonNull(entries.get(pickles.get(0))), allowance)) {
            pickle = Unpickler.read(path, new PickleInput(path, in), allowance);
        }
        Map<String, StoredBytes> storages = new HashMap<>();
        for (String key : pickle.storages().keySet()) {
            StoredBytes stored = entries.get(folder + "data/" + key);
            if (stored == null) {
                throw new BadWeightsException(
                        "%s is damaged: it has no %s, where tensors lie; download or copy it again"
                                .formatted(path, Quoted.of("data/" + key)));
            }
            storages.put(key, stored);
        }
        return new TorchArchive(pickle.value(), storages);
    }

    private static InputStream content(FileChannel channel, StoredBytes entry, PickleAllowance allowance)
            throws IOException {
        allowance.take(entry.packed());
        ByteBuffer packed = ByteBuffer.allocate(Math.toIntExact(entry.packed()));
        while (packed.hasRemaining() && channel.read(packed, entry.begin() + packed.position()) >= 0) {}
        InputStream bytes = new ByteArrayInputStream(packed.array());
        if (!entry.deflated()) {
            return bytes;
        }
        Inflater inflater = new Inflater(true);
        return new BufferedInputStream(new InflaterInputStream(bytes, inflater) {
            @Override
            public void close() throws IOException {
                super.close();
                inflater.end();
            }
        });
    }

    /**
     * The form before: pickles of a magic number, a version, facts of the machine, the content, and the keys of the storages in the
     * order in which these follow, each a number of elements (8 bytes) and the elements.
     */
    static TorchArchive legacy(Path path, FileChannel channel, PickleAllowance allowance) throws IOException {
        PickleInput in = new PickleInput(path, new BufferedInputStream(Channels.newInputStream(channel.position(0))));
        Object magic = Unpickler.read(path, in, allowance).value();
        if (!magic.equals(MAGIC)) {
            throw new BadWeightsException(
                    "%s is a pickle, but not one that torch.save wrote: save its tensors as .safetensors"
                            .formatted(path));
        }
        if (!VERSION.equals(Unpickler.read(path, in, allowance).value())) {
            throw damaged(path, "it is of an unknown version");
        }
        Object machine = Unpickler.read(path, in, allowance).value();
        requireLittleEndian(
                path,
                !(machine instanceof PickleDict facts)
                        || !Boolean.FALSE.equals(facts.entries().get("little_endian")));
        Unpickler.Result pickle = Unpickler.read(path, in, allowance);
        if (!(Unpickler.read(path, in, allowance).value() instanceof PickleList keys)) {
            throw damaged(path, "it does not say which tensors follow");
        }
        return new TorchArchive(pickle.value(), following(path, channel, in.position(), keys, pickle.storages()));
    }

    private static Map<String, StoredBytes> following(
            Path path, FileChannel channel, long from, PickleList keys, Map<String, PickledStorage> named)
            throws IOException {
        Map<String, StoredBytes> storages = new HashMap<>();
        long at = from;
        for (Object key : keys.items()) {
            PickledStorage storage = key instanceof String text ? named.get(text) : null;
            ByteBuffer number = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
            while (number.hasRemaining() && channel.read(number, at + number.position()) >= 0) {}
            at += Long.BYTES;
            long elements = number.getLong(0);
            if (storage == null || elements < 0) {
                throw damaged(path, "it does not say what numbers follow");
            }
            if (at > channel.size() || elements > (channel.size() - at) / storage.elementBytes()) {
                throw SafetensorsHeader.truncated(path);
            }
            storages.put(storage.key(), StoredBytes.plain(at, elements * storage.elementBytes()));
            at += elements * storage.elementBytes();
        }
        return storages;
    }

    private static void requireLittleEndian(Path path, boolean littleEndian) {
        if (!littleEndian) {
            throw new BadWeightsException(
                    "%s was written on a big-endian machine: save it anew on another, or as .safetensors"
                            .formatted(path));
        }
    }

    private static BadWeightsException damaged(Path path, String why) {
        return new BadWeightsException("%s is damaged: %s; download or copy it again".formatted(path, why));
    }
}
