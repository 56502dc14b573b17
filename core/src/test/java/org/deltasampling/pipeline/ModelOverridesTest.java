package org.deltasampling.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.NoLeaks;
import org.deltasampling.TinyModels;
import org.deltasampling.image.Image;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.model.ModelOverrides;
import org.deltasampling.model.OriginalLayout;
import org.deltasampling.recipe.Recipe;
import org.deltasampling.recipe.Recipe.Role;
import org.deltasampling.recipe.Recipe.Sampling;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.SafetensorsWriter;
import org.deltasampling.weights.WeightFile;
import org.deltasampling.weights.WeightSource;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** A separate autoencoder in each of its spellings, and what a recipe says of it. */
@ExtendWith(NoLeaks.class)
class ModelOverridesTest {

    @TempDir
    Path folder;

    private Path model;
    private Path other;

    @BeforeEach
    void makeModels() {
        model = TinyModels.sd1(folder.resolve("model"), 1);
        other = TinyModels.sd1(folder.resolve("other"), 5);
        weakenColours(other.resolve("vae/diffusion_pytorch_model.safetensors"));
    }

    /** Models of a family have the same autoencoder: this makes it another. */
    private static void weakenColours(Path vae) {
        try (TensorScope scope = TensorScope.open()) {
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            try (WeightFile file = WeightFile.open(vae)) {
                file.names().forEach(name -> tensors.put(name, file.load(name)));
            }
            tensors.computeIfPresent("decoder.conv_out.weight", (name, tensor) -> tensor.mul(new Scalar(0.5)));
            SafetensorsWriter.write(vae, tensors);
        }
    }

    private Image image(ModelOverrides files) {
        Recipe plain = Recipe.of(model, "a cat").with(Sampling.DEFAULT.steps(1).size(24, 16));
        Role role = plain.target().with(files);
        try (Pipeline pipeline = new Pipeline()) {
            return pipeline.generate(plain.with(role));
        }
    }

    private static int[] pixels(Image image) {
        return image.toBufferedImage().getRGB(0, 0, image.width(), image.height(), null, 0, image.width());
    }

    @Test
    void anAutoencoderIsReadInEverySpelling() {
        Image own = image(ModelOverrides.NONE);
        Image folderOfIt = image(new ModelOverrides(other.resolve("vae"), null));
        assertThat(folderOfIt.latents()).isEqualTo(own.latents());
        assertThat(pixels(folderOfIt)).isNotEqualTo(pixels(own));
        Path file = other.resolve("vae/diffusion_pytorch_model.safetensors");
        Path original = folder.resolve("original.safetensors");
        Path bare = folder.resolve("bare.safetensors");
        try (Checkpoint checkpoint = Checkpoint.open(other);
                TensorScope scope = TensorScope.open()) {
            WeightSource spelled = OriginalLayout.vae(checkpoint.vae().config())
                    .inFileNames(checkpoint.vae().weights());
            SafetensorsWriter.write(original, spelled, Map.of());
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            for (String name : spelled.names()) {
                tensors.put(name.substring("first_stage_model.".length()), spelled.load(name));
            }
            SafetensorsWriter.write(bare, tensors);
        }
        for (Path spelling : new Path[] {other, file, original, bare}) {
            assertThat(pixels(image(new ModelOverrides(spelling, null))))
                    .as(spelling.toString())
                    .isEqualTo(pixels(folderOfIt));
        }
        assertThat(image(new ModelOverrides(bare, null)).provenance().files()).containsKey(bare);
    }

    @Test
    void whatIsNoAutoencoderIsRefused() {
        Path unet = model.resolve("unet/diffusion_pytorch_model.safetensors");
        assertThatThrownBy(() -> image(new ModelOverrides(unet, null)))
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining("where an autoencoder (VAE) is wanted");
        assertThatThrownBy(() -> image(new ModelOverrides(folder.resolve("none"), null)))
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining("does not exist");
    }
}
