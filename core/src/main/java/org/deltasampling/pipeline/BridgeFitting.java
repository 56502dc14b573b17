package org.deltasampling.pipeline;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import org.deltasampling.bridge.AutoencoderId;
import org.deltasampling.bridge.BridgeFile;
import org.deltasampling.bridge.BridgeFitter;
import org.deltasampling.bridge.ScaledAutoencoder;
import org.deltasampling.image.ImageFile;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.model.vae.AutoencoderKl;
import org.deltasampling.nn.Parameters;
import org.deltasampling.recipe.BadRecipeException;
import org.deltasampling.recipe.Recipe;
import org.deltasampling.recipe.Recipe.Sampling;
import org.deltasampling.tensor.CloseTogether;
import org.deltasampling.tensor.ImageTensor;
import org.deltasampling.tensor.PixelSize;
import org.deltasampling.tensor.Precision;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.ResidentWeights;

/**
 * Fits a linear bridge between two models' latents to images that both autoencoders encode (docs/method.md 2.5); nothing else
 * of the models is read, and of the images only sums are kept.
 */
public final class BridgeFitting implements AutoCloseable {

    /** Images that a fit needs at least; of a hundred it is good. */
    public static final int FEWEST = 20;

    private static final int STEPS = 10;

    private final Path from;
    private final Path to;
    private final CloseTogether open = new CloseTogether();
    private final ScaledAutoencoder source;
    private final ScaledAutoencoder target;
    private final AutoencoderId sourceId;
    private final AutoencoderId targetId;
    private final int side;
    private final BridgeFitter fitter;
    private int images;

    /**
     * Opens the autoencoders of both models.
     *
     * @param from the model that adapters were made for
     * @param to the model that is to make images with them
     * @param kernel 1 for a map of each place by itself, 3 for one that sees the neighbours
     * @throws BadRecipeException for another kernel
     * @throws org.deltasampling.weights.BadWeightsException if a model cannot be used
     */
    public BridgeFitting(Path from, Path to, int kernel) {
        if (kernel != 1 && kernel != 3) {
            throw new BadRecipeException(
                    "a bridge sees 1x1 or 3x3 places, not %dx%d: give the kernel 1 or 3".formatted(kernel, kernel));
        }
        this.from = from;
        this.to = to;
        try {
            Checkpoint sourceFiles = open.keep(Checkpoint.open(from));
            Checkpoint targetFiles = open.keep(Checkpoint.open(to));
            source = autoencoder(sourceFiles);
            target = autoencoder(targetFiles);
            sourceId = AutoencoderId.of(sourceFiles.vae());
            targetId = AutoencoderId.of(targetFiles.vae());
            side = Math.min(side(sourceFiles), side(targetFiles));
        } catch (RuntimeException e) {
            close();
            throw e;
        }
        fitter = new BridgeFitter(
                Math.toIntExact(target.network().latentSpace().channels()),
                Math.toIntExact(source.network().latentSpace().channels()),
                kernel);
    }

    /** Width and height of the images that are encoded: what the model of the smaller ones was trained at. */
    private static int side(Checkpoint checkpoint) {
        long downscale = checkpoint.vae().config().latentSpace().downscale();
        return Math.toIntExact(
                downscale * checkpoint.sampleSize(checkpoint.scheduler().parameterization()));
    }

    private ScaledAutoencoder autoencoder(Checkpoint checkpoint) {
        ResidentWeights weights = open.keep(new ResidentWeights(checkpoint.vae().weights(), Precision.FLOAT32));
        return new ScaledAutoencoder(new AutoencoderKl(checkpoint.vae().config(), Parameters.from(weights)));
    }

    /** Takes the middle of {@code image}, scaled, into the fit. */
    public void add(BufferedImage image) {
        try (TensorScope scope = TensorScope.open()) {
            ImageTensor square = square(image).resized(new PixelSize(side, side));
            fitter.add(target.encode(square), source.encode(square));
        }
        images++;
    }

    /**
     * Takes every .png and .jpg of {@code folder} into the fit, in the order of their names.
     *
     * @param listener hears each as a step
     * @throws BadRecipeException if one cannot be read
     */
    public void addAll(Path folder, PipelineListener listener) {
        try {
            TreeSet<Path> files = new TreeSet<>();
            try (DirectoryStream<Path> all = Files.newDirectoryStream(folder, "*.{png,jpg,jpeg,PNG,JPG,JPEG}")) {
                all.forEach(files::add);
            }
            requireEnough(folder + " holds", files.size());
            List<Path> ordered = new ArrayList<>(files);
            listener.step(0, ordered.size());
            for (int i = 0; i < ordered.size(); i++) {
                BufferedImage image = ImageFile.read(ordered.get(i));
                add(image);
                listener.step(i + 1, ordered.size());
            }
        } catch (IOException e) {
            throw new BadRecipeException(
                    "the images in %s cannot be read (%s): give a folder of .png and .jpg files"
                            .formatted(folder, e.getClass().getSimpleName()),
                    e);
        }
    }

    /**
     * Lets the models make {@code count} images without a prompt, half of them each, and takes them into the fit.
     *
     * @param listener hears each as a step
     * @throws BadRecipeException if so few are no fit
     */
    public void addGenerated(int count, PipelineListener listener) {
        requireEnough("there would be", count);
        listener.step(0, count);
        Sampling sampling = Sampling.DEFAULT.steps(STEPS).cfg(1).precision(Precision.BFLOAT16);
        List<Path> models = List.of(from, to);
        for (int i = 0, half = 0; half < 2; half++) {
            try (Pipeline pipeline = new Pipeline()) { // one model in memory at a time
                for (; i < count * (half + 1) / 2; i++) {
                    Recipe recipe = Recipe.of(models.get(half), "").with(sampling.seed(i));
                    add(pipeline.generate(recipe).toBufferedImage());
                    listener.step(i + 1, count);
                }
            }
        }
    }

    /**
     * The best bridge for the images that were added.
     *
     * @throws BadRecipeException if they are too few
     */
    public BridgeFile fit() {
        requireEnough("there are", images);
        return new BridgeFile(fitter.fit(), targetId, sourceId);
    }

    private static void requireEnough(String where, int count) {
        if (count < FEWEST) {
            throw new BadRecipeException(
                    "%s %d images (.png or .jpg), too few to fit a bridge to: %d are needed, a hundred or more are good"
                            .formatted(where, count, FEWEST));
        }
    }

    /** The middle of {@code image}, as large as it can be. */
    private static ImageTensor square(BufferedImage image) {
        int side = Math.min(image.getWidth(), image.getHeight());
        return ImageFile.tensor(
                image.getSubimage((image.getWidth() - side) / 2, (image.getHeight() - side) / 2, side, side));
    }

    @Override
    public void close() {
        open.close();
    }
}
