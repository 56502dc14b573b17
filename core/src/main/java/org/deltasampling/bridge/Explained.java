package org.deltasampling.bridge;

import java.util.List;

/**
 * How much of the variance of some latents a map explains from others: R squared, 1 - |y - map(x)|^2 / |y - mean|^2.
 *
 * @param channels for each channel of y
 * @param whole over all of them
 */
public record Explained(List<Double> channels, double whole) {

    public Explained {
        channels = List.copyOf(channels);
    }
}
