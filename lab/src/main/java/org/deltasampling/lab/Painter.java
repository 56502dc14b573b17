package org.deltasampling.lab;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.adapter.Adapter;
import org.deltasampling.adapter.AdapterFile;
import org.deltasampling.bridge.Autoencoder;
import org.deltasampling.bridge.ScaledAutoencoder;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.SchedulerConfig;
import org.deltasampling.model.Architecture;
import org.deltasampling.model.Backbone;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.model.Conditioning;
import org.deltasampling.model.LatentSpace;
import org.deltasampling.model.ModelPart;
import org.deltasampling.model.NetworkDenoiser;
import org.deltasampling.model.clip.ClipText;
import org.deltasampling.model.vae.AutoencoderKl;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.CloseTogether;
import org.deltasampling.tensor.Latent;
import org.deltasampling.tensor.PixelSize;
import org.deltasampling.tensor.Precision;
import org.deltasampling.text.ClipTokenizer;
import org.deltasampling.weights.ResidentWeights;
import org.deltasampling.weights.WeightSource;

/** One of the demo models, loaded as any other model is, drawing a different prompt for each image of a batch. */
final class Painter implements AutoCloseable {

    private final CloseTogether open = new CloseTogether();
    private final SchedulerConfig scheduler;
    private final Architecture family;
    private final boolean silentWithoutPrompt;
    private final List<ClipTokenizer> tokenizers = new ArrayList<>();
    private final List<ClipText> texts = new ArrayList<>();
    private final Backbone network;
    private final long contextWidth;
    private final AutoencoderKl autoencoder;

    private Painter(Path folder, List<Path> adapters) {
        Checkpoint checkpoint = open.keep(Checkpoint.open(folder));
        Map<String, Adapter> changes = new HashMap<>();
        for (Path file : adapters) {
            open.keep(AdapterFile.open(file))
                    .on(checkpoint)
                    .changes()
                    .forEach((part, change) -> changes.merge(part, change, Adapter::then));
        }
        scheduler = checkpoint.scheduler();
        family = checkpoint.architecture();
        silentWithoutPrompt = checkpoint.zeroForEmptyNegative();
        for (ModelPart<ClipText.Config> text : checkpoint.texts()) {
            int index = texts.size();
            tokenizers.add(ClipTokenizer.of(checkpoint.tokenizer(index).orElseThrow()));
            texts.add(new ClipText(
                    text.config(), resident(changed(Checkpoint.textEncoder(index), text.weights(), changes))));
        }
        contextWidth = checkpoint.network().config().contextWidth();
        network = checkpoint
                .network()
                .config()
                .network(resident(
                        changed(checkpoint.networkName(), checkpoint.network().weights(), changes)));
        autoencoder = new AutoencoderKl(
                checkpoint.vae().config(), resident(checkpoint.vae().weights()));
    }

    private static WeightSource changed(String part, WeightSource weights, Map<String, Adapter> changes) {
        return changes.getOrDefault(part, Adapter.NONE).weights(weights);
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

    /** Between images and its latents. */
    Autoencoder autoencoder() {
        return new ScaledAutoencoder(autoencoder);
    }

    /** Draws {@code prompts}, one an image, guided away from no prompt by {@code scale}; the current scope's. */
    Denoiser guided(List<String> prompts, double scale) {
        Conditioning with = encode(prompts);
        return NetworkDenoiser.guided(
                network,
                scheduler.parameterization(),
                with,
                silentWithoutPrompt
                        ? with.zeroed()
                        : encode(prompts.stream().map(prompt -> "").toList()),
                scale);
    }

    private Conditioning encode(List<String> prompts) {
        List<ClipText.Output> said = new ArrayList<>();
        for (int i = 0; i < texts.size(); i++) {
            ClipTokenizer tokenizer = tokenizers.get(i);
            long[] ids = prompts.stream()
                    .flatMapToLong(
                            prompt -> Arrays.stream(tokenizer.encode(prompt).ids()))
                    .toArray();
            said.add(texts.get(i).encode(torch.tensor(ids).view(prompts.size(), -1)));
        }
        return family.isFlow()
                ? Architecture.conditioningWithoutT5(said, contextWidth)
                : family.conditioning(said, new PixelSize(Drawing.SIZE, Drawing.SIZE));
    }

    /** Images of latents in scaled units, (b, 3, 64, 64), -1 to 1. */
    Tensor decode(Latent latents) {
        return autoencoder().decode(latents).tensor();
    }

    private Parameters resident(WeightSource weights) {
        return Parameters.from(open.keep(new ResidentWeights(weights, Precision.FLOAT32)));
    }

    @Override
    public void close() {
        open.close();
    }
}
