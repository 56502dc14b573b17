package org.deltasampling.image;

/**
 * What a file is known by, wherever it lies.
 *
 * @param sha256 in hexadecimal
 * @param bytes its size; below 0 where that is not known
 */
public record Fingerprint(String sha256, long bytes) {

    /** As much of the hash as people compare. */
    String brief() {
        return sha256.substring(0, 12);
    }
}
