package org.deltasampling.lab;

import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.adapter.Adapter;
import org.deltasampling.adapter.LoraFile;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.SchedulerConfig;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.model.Conditioning;
import org.deltasampling.model.LatentSpace;
import org.deltasampling.model.NetworkDenoiser;
import org.deltasampling.model.clip.ClipText;
import org.deltasampling.model.unet.UNet;
import org.deltasampling.model.vae.AutoencoderKl;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.Precision;
import org.deltasampling.text.ClipTokenizer;
import org.deltasampling.weights.ResidentWeights;
import org.deltasampling.weights.WeightSource;

/** One of the demo models, loaded as any other model is, drawing a different prompt for each picture of a batch. */
final class Painter implements AutoCloseable {

    private final Deque<AutoCloseable> open = new ArrayDeque<>();
    private final SchedulerConfig scheduler;
    private final ClipTokenizer tokenizer;
    private final ClipText text;
    private final UNet unet;
    private final AutoencoderKl autoencoder;

    private Painter(Path folder, List<Path> adapters) {
        Checkpoint checkpoint = keep(Checkpoint.open(folder));
        Map<String, Adapter> changes = new HashMap<>();
        for (Path file : adapters) {
            keep(LoraFile.open(file))
                    .on(checkpoint)
                    .forEach((part, change) -> changes.merge(part, change, Adapter::then));
        }
        scheduler = SchedulerConfig.read(checkpoint.scheduler());
        tokenizer = ClipTokenizer.of(folder.resolve("tokenizer"));
        text = new ClipText(
                checkpoint.text().config(),
                resident(changes.getOrDefault("text_encoder", Adapter.NONE)
                        .weights(checkpoint.text().weights())));
        unet = new UNet(
                checkpoint.unet().config(),
                resident(changes.getOrDefault("unet", Adapter.NONE)
                        .weights(checkpoint.unet().weights())));
        autoencoder = new AutoencoderKl(
                checkpoint.vae().config(), resident(checkpoint.vae().weights()));
    }

    /** The model in {@code folder}. */
    static Painter of(Path folder) {
        return new Painter(folder, List.of());
    }

    /** The model in {@code folder} under the low-rank adapter {@code file}. */
    static Painter with(Path folder, Path file) {
        return new Painter(folder, List.of(file));
    }

    SchedulerConfig scheduler() {
        return scheduler;
    }

    LatentSpace latentSpace() {
        return autoencoder.latentSpace();
    }

    /** Draws {@code prompts}, one a picture, guided away from the empty prompt by {@code scale}; the current scope's. */
    Denoiser guided(List<String> prompts, double scale) {
        return NetworkDenoiser.guided(
                unet,
                scheduler.parameterization(),
                encode(prompts),
                encode(prompts.stream().map(prompt -> "").toList()),
                scale);
    }

    private Conditioning encode(List<String> prompts) {
        long[] ids = prompts.stream()
                .flatMapToLong(prompt -> Arrays.stream(tokenizer.encode(prompt).ids()))
                .toArray();
        return new Conditioning(
                text.encode(torch.tensor(ids).view(prompts.size(), -1)).last());
    }

    /** Pictures of latents in scaled units, (b, 3, 64, 64), -1 to 1. */
    Tensor decode(Latent latents) {
        return autoencoder.decode(latentSpace().unscale(latents).tensor());
    }

    private Parameters resident(WeightSource weights) {
        return Parameters.from(keep(new ResidentWeights(weights, Precision.FLOAT32)));
    }

    private <T extends AutoCloseable> T keep(T resource) {
        open.push(resource);
        return resource;
    }

    @Override
    public void close() {
        open.forEach(Painter::close);
    }

    private static void close(AutoCloseable resource) {
        try {
            resource.close();
        } catch (Exception e) {
            throw new IllegalStateException("cannot release a demo model", e);
        }
    }
}
