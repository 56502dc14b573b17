package org.deltasampling;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.TensorInfo;
import org.deltasampling.weights.WeightSource;

/** Writes weights as {@code torch.save({"state_dict": ...})} does, so that tests have models of any kind as pickles. */
public final class PickleWriter {

    private PickleWriter() {}

    /** Writes all of {@code weights}, of float32 or float16, to {@code file}. */
    public static Path write(Path file, WeightSource weights) {
        List<String> names = new ArrayList<>(weights.names());
        ByteArrayOutputStream pickle = new ByteArrayOutputStream();
        put(pickle, "\u0080\2}" + text("state_dict") + "}(");
        for (int i = 0; i < names.size(); i++) {
            TensorInfo info = weights.info(names.get(i));
            String type = info.type() == torch.ScalarType.Half ? "HalfStorage" : "FloatStorage";
            put(
                    pickle,
                    text(names.get(i)) + "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "ctorch\n" + type
                            + "\n" + text(Integer.toString(i)) + text("cpu") + number(info.count()) + "tQK\0"
                            + sizes(info.shape()) + "\u0089ccollections\nOrderedDict\n)RtR");
        }
        put(pickle, "us.");
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
            store(zip, "archive/data.pkl", pickle.toByteArray());
            for (int i = 0; i < names.size(); i++) {
                store(zip, "archive/data/" + i, bytes(weights, names.get(i)));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return file;
    }

    private static byte[] bytes(WeightSource weights, String name) {
        try (TensorScope scope = TensorScope.open()) {
            Tensor flat = weights.load(name).contiguous().view(-1).view(torch.ScalarType.Byte);
            byte[] bytes = new byte[(int) flat.numel()];
            ByteBuffer buffer = flat.createBuffer();
            buffer.get(bytes);
            return bytes;
        }
    }

    private static void store(ZipOutputStream zip, String name, byte[] bytes) throws IOException {
        CRC32 sum = new CRC32();
        sum.update(bytes);
        ZipEntry entry = new ZipEntry(name);
        entry.setMethod(ZipEntry.STORED);
        entry.setSize(bytes.length);
        entry.setCrc(sum.getValue());
        zip.putNextEntry(entry);
        zip.write(bytes);
        zip.closeEntry();
    }

    /** The shape, then the strides of a contiguous tensor. */
    private static String sizes(long[] shape) {
        StringBuilder strides = new StringBuilder();
        long stride = 1;
        for (int i = shape.length - 1; i >= 0; i--) {
            strides.insert(0, number(stride));
            stride *= shape[i];
        }
        StringBuilder sizes = new StringBuilder();
        for (long size : shape) {
            sizes.append(number(size));
        }
        return "(" + sizes + "t(" + strides + "t";
    }

    private static String number(long number) {
        return "J" + fourBytes((int) number);
    }

    private static String text(String text) {
        return "X" + fourBytes(text.length()) + text;
    }

    private static String fourBytes(int number) {
        return new String(
                ByteBuffer.allocate(4)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putInt(number)
                        .array(),
                StandardCharsets.ISO_8859_1);
    }

    private static void put(ByteArrayOutputStream pickle, String operations) {
        pickle.writeBytes(operations.getBytes(StandardCharsets.ISO_8859_1));
    }
}
