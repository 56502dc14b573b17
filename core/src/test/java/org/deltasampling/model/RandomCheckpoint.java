package org.deltasampling.model;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.model.clip.ClipText;
import org.deltasampling.model.unet.UNet;
import org.deltasampling.model.vae.AutoencoderKl;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.SafetensorsWriter;
import org.deltasampling.weights.TensorInfo;
import org.deltasampling.weights.WeightSource;

/** A full-size SD-1.5-shaped checkpoint of random float16 weights, one file in the original layout: 2.1 GB, to time with. */
public final class RandomCheckpoint {

    private RandomCheckpoint() {}

    /** Writes one to the path that is the first argument. */
    public static void main(String[] arguments) {
        write(Path.of(arguments[0]));
    }

    static void write(Path path) {
        ObjectNode unet = JsonNodeFactory.instance.objectNode().put("cross_attention_dim", 768);
        ObjectNode vae = JsonNodeFactory.instance.objectNode().put("layers_per_block", 2);
        for (int width : new int[] {128, 256, 512, 512}) {
            vae.withArray("block_out_channels").add(width);
            vae.withArray("down_block_types").add("DownEncoderBlock2D");
            vae.withArray("up_block_types").add("UpDecoderBlock2D");
        }
        ObjectNode text = JsonNodeFactory.instance.objectNode().put("hidden_size", 768);
        text.put("intermediate_size", 3072).put("num_attention_heads", 12);
        UNet.Config unetConfig = UNet.Config.read(unet);
        AutoencoderKl.Config vaeConfig = AutoencoderKl.Config.read(vae);
        ClipText.Config textConfig = ClipText.Config.read(text);
        torch.manual_seed(0);
        SafetensorsWriter.write(
                path,
                WeightSource.joined(List.of(
                        OriginalLayout.unet(unetConfig).spelled(random(p -> new UNet(unetConfig, p))),
                        OriginalLayout.vae(vaeConfig).spelled(random(p -> new AutoencoderKl(vaeConfig, p))),
                        OriginalLayout.text(Architecture.SD1, 0, textConfig.layers())
                                .spelled(random(p -> new ClipText(textConfig, p))))),
                Map.of());
    }

    private static WeightSource random(Consumer<Parameters> model) {
        return new Random(new LinkedHashMap<>(Parameters.declaredBy(model)));
    }

    /** Norms that change nothing, and small weights that keep what passes through them small. */
    private record Random(Map<String, long[]> shapes) implements WeightSource {

        @Override
        public Set<String> names() {
            return shapes.keySet();
        }

        @Override
        public TensorInfo info(String name) {
            return new TensorInfo(torch.ScalarType.Half, Objects.requireNonNull(shapes.get(name), name));
        }

        @Override
        public Tensor load(String name) {
            return TensorScope.scopedTensor(() -> {
                long[] shape = info(name).shape();
                if (shape.length == 1) {
                    Tensor one =
                            name.contains("norm") && name.endsWith(".weight") ? torch.ones(shape) : torch.zeros(shape);
                    return one.to(torch.ScalarType.Half);
                }
                double deviation = 1 / Math.sqrt((double) info(name).count() / shape[0]);
                return torch.randn(shape).mul(new Scalar(deviation)).to(torch.ScalarType.Half);
            });
        }
    }
}
