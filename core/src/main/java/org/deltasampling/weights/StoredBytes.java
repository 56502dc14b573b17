package org.deltasampling.weights;

/**
 * Where the bytes of a storage are in a file.
 *
 * @param begin of what the file holds of them
 * @param packed how many bytes the file holds
 * @param size how many they are, which is the same unless they are deflated
 */
record StoredBytes(long begin, long packed, long size, boolean deflated) {

    /** Bytes that are in the file as they are. */
    static StoredBytes plain(long begin, long size) {
        return new StoredBytes(begin, size, size, false);
    }
}
