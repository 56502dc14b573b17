package org.deltasampling;

import java.nio.file.Path;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.diffusion.Denoiser;
import org.deltasampling.diffusion.SchedulerConfig;
import org.deltasampling.model.Conditioning;
import org.deltasampling.model.NetworkDenoiser;
import org.deltasampling.model.SchedulerFile;
import org.deltasampling.model.clip.ClipText;
import org.deltasampling.model.unet.UNet;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.CloseTogether;
import org.deltasampling.tensor.Precision;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.text.ClipTokenizer;
import org.deltasampling.weights.ResidentWeights;
import org.deltasampling.weights.WeightFile;

/** A small diffusers folder of the kit, put together from its parts by hand, in float32. */
public final class KitModel implements AutoCloseable {

    private final CloseTogether owned = new CloseTogether();
    private final UNet unet;
    private final ClipText text;
    private final ClipTokenizer tokenizer;
    private final SchedulerConfig scheduler;

    public KitModel(Path folder) {
        unet = new UNet(
                UNet.Config.read(Kit.json(folder.resolve("unet/config.json"))),
                weights(folder.resolve("unet/diffusion_pytorch_model.safetensors"), ""));
        text = new ClipText(
                ClipText.Config.read(Kit.json(folder.resolve("text_encoder/config.json"))),
                weights(folder.resolve("text_encoder/model.safetensors"), "text_model."));
        tokenizer = ClipTokenizer.of(folder.resolve("tokenizer"));
        scheduler = SchedulerFile.read(Kit.json(folder.resolve("scheduler/scheduler_config.json")));
    }

    public SchedulerConfig scheduler() {
        return scheduler;
    }

    /** Guided by two prompts; owned by the caller's region. */
    public Denoiser guided(String prompt, String negative, double cfg) {
        return NetworkDenoiser.guided(unet, scheduler.parameterization(), told(prompt), told(negative), cfg);
    }

    /** What the network is told for {@code prompt}; owned by the caller's region. */
    public Conditioning told(String prompt) {
        return new Conditioning(TensorScope.scopedTensor(() -> {
            long[] ids = tokenizer.encode(prompt).ids();
            return text.encode(Tensor.create(ids).view(1, ids.length)).last();
        }));
    }

    public UNet unet() {
        return unet;
    }

    @Override
    public void close() {
        owned.close();
    }

    /** The tensors of {@code file}, which has {@code prefix} before all names or does not. */
    private Parameters weights(Path file, String prefix) {
        WeightFile source = WeightFile.open(file);
        ResidentWeights weights = new ResidentWeights(source, Precision.FLOAT32);
        owned.keep(weights);
        owned.keep(source);
        boolean prefixed = source.names().stream().anyMatch(name -> name.startsWith(prefix));
        Parameters all = Parameters.from(weights);
        return (name, shape) -> {
            boolean has = name.startsWith(prefix);
            return all.get(has && !prefixed ? name.substring(prefix.length()) : name, shape);
        };
    }
}
