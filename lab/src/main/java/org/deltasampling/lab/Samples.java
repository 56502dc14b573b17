package org.deltasampling.lab;

import java.awt.image.BufferedImage;
import java.util.List;

/**
 * What one model, or one combination of models, generates.
 *
 * @param shown the first images of shared prompts, then the first of novel ones, see {@link Prompts}
 * @param shared the scores of all images of shared prompts
 * @param novel of all images of novel prompts
 */
record Samples(List<BufferedImage> shown, Scores shared, Scores novel) {}
