package org.deltasampling.weights;

import org.jspecify.annotations.Nullable;

/**
 * Bytes beside a pickle, or a range of them, that tensors lie in.
 *
 * @param key what the file calls the whole of them
 * @param type of the numbers; null if they are plain bytes
 * @param begin where in the whole it begins, in bytes
 * @param bytes how many there are from there on
 */
record PickledStorage(String key, @Nullable FileType type, long begin, long bytes) {

    /** More elements than any file holds, so few that no sum of strides over them overflows. */
    private static final long MOST = 1L << 48;

    /** What the class of storages of plain bytes stands for; those of numbers stand for their {@link FileType}. */
    enum Untyped {
        CLASS
    }

    /**
     * The storage of a persistent id: ("storage", class, key, device, number of elements), and in legacy files a view of it, (its
     * key, first element, number of elements), or None.
     *
     * @return null if {@code id} is no such
     */
    static @Nullable PickledStorage of(PickleList id) {
        String key = id.get(2, String.class);
        Long elements = id.get(4, Long.class);
        FileType type = id.get(1, FileType.class);
        boolean known = type != null || id.get(1, Untyped.class) != null;
        if (!"storage".equals(id.get(0, String.class)) || key == null || elements == null || !known) {
            return null;
        }
        PickledStorage whole = new PickledStorage(key, type, 0, 0).range(0, elements);
        PickleList view = id.get(5, PickleList.class);
        if (whole == null || view == null) {
            return whole;
        }
        Long first = view.get(1, Long.class);
        Long count = view.get(2, Long.class);
        return first == null || count == null ? null : whole.range(first, count);
    }

    /** Bytes of one element. */
    int elementBytes() {
        return type == null ? 1 : type.bytes();
    }

    /** Null where that is no range of numbers; whether the file holds it is seen later. */
    private @Nullable PickledStorage range(long first, long count) {
        return first < 0 || count < 0 || first > MOST || count > MOST
                ? null
                : new PickledStorage(key, type, first * elementBytes(), count * elementBytes());
    }
}
