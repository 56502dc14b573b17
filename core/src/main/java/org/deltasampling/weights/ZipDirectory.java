package org.deltasampling.weights;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deltasampling.file.Quoted;

/**
 * What a zip archive says of its entries, and where their bytes are, which the JDK's reader does not tell. Archives and entries
 * may be larger than 4 GB (zip64); each entry has bytes of its own (APPNOTE.TXT 6.3.10, sections 4.3 and 4.5.3).
 */
final class ZipDirectory {

    private static final int LOCAL_HEADER = 30;
    private static final int CENTRAL_HEADER = 46;
    private static final int END_RECORD = 22;
    private static final int ZIP64_LOCATOR = 20;
    private static final int ZIP64_END_RECORD = 56;
    private static final int LONGEST_COMMENT = 0xffff;

    private static final int CENTRAL_SIGNATURE = 0x02014b50;
    private static final int LOCAL_SIGNATURE = 0x04034b50;
    private static final int END_SIGNATURE = 0x06054b50;
    private static final int ZIP64_LOCATOR_SIGNATURE = 0x07064b50;
    private static final int ZIP64_END_SIGNATURE = 0x06064b50;

    private static final int STORED = 0;
    private static final int DEFLATED = 8;
    private static final int ENCRYPTED = 1;
    private static final int ZIP64_FIELD = 1;
    private static final long IN_ZIP64_FIELD = 0xffffffffL;

    /** What an entry takes in memory besides its name. */
    private static final int ENTRY_BYTES = 256;

    private final Path path;
    private final FileChannel channel;
    private final PickleAllowance allowance;

    private ZipDirectory(Path path, FileChannel channel, PickleAllowance allowance) {
        this.path = path;
        this.channel = channel;
        this.allowance = allowance;
    }

    /**
     * The entries by name, in their order in the file.
     *
     * @throws BadWeightsException if it is not a whole archive, or if entries share bytes
     */
    static Map<String, StoredBytes> read(Path path, FileChannel channel, PickleAllowance allowance) throws IOException {
        return new ZipDirectory(path, channel, allowance).entries();
    }

    /** An entry as the directory has it: where its local header is, how many bytes it has in the file and in itself. */
    private record Listed(String name, long header, long packed, long size, boolean deflated) {}

    private Map<String, StoredBytes> entries() throws IOException {
        ByteBuffer directory = directory();
        List<Listed> listed = new ArrayList<>();
        while (directory.remaining() >= CENTRAL_HEADER) {
            listed.add(next(directory));
        }
        listed.sort(Comparator.comparingLong(Listed::header));
        Map<String, StoredBytes> entries = new LinkedHashMap<>();
        long end = 0;
        for (Listed entry : listed) {
            StoredBytes bytes = located(entry);
            if (entry.header < end || bytes.begin() > channel.size() - entry.packed) {
                throw damaged("the bytes of %s are another entry's or not there".formatted(Quoted.of(entry.name)));
            }
            end = bytes.begin() + entry.packed;
            if (entries.put(entry.name, bytes) != null) {
                throw damaged("it has %s twice".formatted(Quoted.of(entry.name)));
            }
        }
        return entries;
    }

    private ByteBuffer directory() throws IOException {
        long size = channel.size();
        int tail = (int) Math.min(size, END_RECORD + LONGEST_COMMENT);
        ByteBuffer last = bytes(size - tail, tail);
        int at = tail - END_RECORD;
        while (at >= 0 && last.getInt(at) != END_SIGNATURE) {
            at--;
        }
        if (at < 0) {
            throw truncated();
        }
        long length = unsigned(last.getInt(at + 12));
        long begin = unsigned(last.getInt(at + 16));
        long locator = size - tail + at - ZIP64_LOCATOR;
        if (locator >= 0) {
            ByteBuffer zip64 = bytes(locator, ZIP64_LOCATOR);
            long record = zip64.getLong(8);
            if (zip64.getInt(0) == ZIP64_LOCATOR_SIGNATURE && record >= 0 && record <= size - ZIP64_END_RECORD) {
                ByteBuffer end = bytes(record, ZIP64_END_RECORD);
                if (end.getInt(0) == ZIP64_END_SIGNATURE) {
                    length = end.getLong(40);
                    begin = end.getLong(48);
                }
            }
        }
        if (length < 0 || begin < 0 || begin > size - length || length > Integer.MAX_VALUE) {
            throw truncated();
        }
        allowance.take(length);
        return bytes(begin, (int) length);
    }

    private Listed next(ByteBuffer directory) {
        int at = directory.position();
        int nameLength = directory.getShort(at + 28) & 0xffff;
        int extraLength = directory.getShort(at + 30) & 0xffff;
        int commentLength = directory.getShort(at + 32) & 0xffff;
        int length = CENTRAL_HEADER + nameLength + extraLength + commentLength;
        if (directory.getInt(at) != CENTRAL_SIGNATURE || length > directory.remaining()) {
            throw damaged("its directory ends in the middle");
        }
        allowance.take(ENTRY_BYTES + 4L * nameLength);
        byte[] name = new byte[nameLength];
        directory.get(at + CENTRAL_HEADER, name);
        String text = new String(name, StandardCharsets.UTF_8);
        int method = directory.getShort(at + 10);
        if ((method != STORED && method != DEFLATED) || (directory.getShort(at + 8) & ENCRYPTED) != 0) {
            throw new BadWeightsException(
                    "%s is a zip archive whose %s is compressed by another method than deflate or encrypted: save it anew with torch.save"
                            .formatted(path, Quoted.of(text)));
        }
        ByteBuffer zip64 = zip64(directory.slice(at + CENTRAL_HEADER + nameLength, extraLength));
        long size = size(directory.getInt(at + 24), zip64);
        long packed = size(directory.getInt(at + 20), zip64);
        long header = size(directory.getInt(at + 42), zip64);
        if (size < 0 || packed < 0 || header < 0 || (method == STORED && size != packed)) {
            throw damaged("the sizes of %s cannot be".formatted(Quoted.of(text)));
        }
        directory.position(at + length);
        return new Listed(text, header, packed, size, method == DEFLATED);
    }

    /** The numbers that did not fit into 32 bits, in the order of those that say so; empty if there are none. */
    private static ByteBuffer zip64(ByteBuffer extra) {
        extra.order(ByteOrder.LITTLE_ENDIAN);
        while (extra.remaining() >= 4) {
            int id = extra.getShort() & 0xffff;
            int length = Math.min(extra.getShort() & 0xffff, extra.remaining());
            if (id == ZIP64_FIELD) {
                return extra.slice(extra.position(), length).order(ByteOrder.LITTLE_ENDIAN);
            }
            extra.position(extra.position() + length);
        }
        return ByteBuffer.allocate(0);
    }

    private static long size(int field, ByteBuffer zip64) {
        boolean elsewhere = unsigned(field) == IN_ZIP64_FIELD;
        return elsewhere && zip64.remaining() >= 8 ? zip64.getLong() : unsigned(field);
    }

    private StoredBytes located(Listed entry) throws IOException {
        if (entry.header > channel.size() - LOCAL_HEADER) {
            throw truncated();
        }
        ByteBuffer local = bytes(entry.header, LOCAL_HEADER);
        if (local.getInt(0) != LOCAL_SIGNATURE) {
            throw damaged("%s is not where its directory says".formatted(Quoted.of(entry.name)));
        }
        long begin = entry.header + LOCAL_HEADER + (local.getShort(26) & 0xffff) + (local.getShort(28) & 0xffff);
        return new StoredBytes(begin, entry.packed, entry.size, entry.deflated);
    }

    private ByteBuffer bytes(long from, int count) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(count).order(ByteOrder.LITTLE_ENDIAN);
        while (buffer.hasRemaining()) {
            if (channel.read(buffer, from + buffer.position()) < 0) {
                throw truncated();
            }
        }
        return buffer.flip();
    }

    private static long unsigned(int number) {
        return Integer.toUnsignedLong(number);
    }

    private BadWeightsException truncated() {
        return new BadWeightsException(
                "%s is cut short: it begins as a zip archive, whose directory is missing at the end; download or copy it again"
                        .formatted(path));
    }

    private BadWeightsException damaged(String why) {
        return new BadWeightsException(
                "%s is damaged: it is a zip archive, and %s; download or copy it again".formatted(path, why));
    }
}
