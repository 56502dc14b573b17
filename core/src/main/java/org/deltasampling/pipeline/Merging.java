package org.deltasampling.pipeline;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.deltasampling.adapter.Adaptation;
import org.deltasampling.adapter.AdapterFile;
import org.deltasampling.adapter.RoleAdapter;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.model.ModelWriter;
import org.deltasampling.recipe.Recipe.Lora;
import org.deltasampling.tensor.CloseTogether;
import org.deltasampling.tensor.Precision;
import org.deltasampling.weights.WeightSources;
import org.jspecify.annotations.Nullable;

/** Bakes adapters of weights into a model. */
public final class Merging {

    private Merging() {}

    /**
     * Writes {@code model} with all of {@code loras}, one after the other: to a .safetensors file in the original layout, or else
     * to a diffusers folder. Each weight is computed in float32.
     *
     * @param precision of what is written; null: that of each weight in the model's files
     * @return what the user should know, each in one sentence
     * @throws org.deltasampling.DeltaSamplingException if a file cannot be used or written
     */
    public static List<String> merge(Path model, List<Lora> loras, @Nullable Precision precision, Path output) {
        List<String> warnings = new ArrayList<>();
        try (Checkpoint checkpoint = Checkpoint.open(model);
                CloseTogether files = new CloseTogether()) {
            RoleAdapter all = RoleAdapter.NONE;
            for (Lora lora : loras) {
                Adaptation adaptation =
                        files.keep(AdapterFile.open(lora.file())).on(checkpoint);
                warnings.addAll(adaptation.warnings());
                all = all.then(adaptation.at(lora.weight()));
            }
            if (all.words().values().stream().anyMatch(words -> !words.isEmpty())) {
                warnings.add("textual inversions that are bundled with a LoRA are not merged: give them as embeddings");
            }
            RoleAdapter adapter = all;
            ModelWriter writer = new ModelWriter(
                    checkpoint,
                    (part, weights) -> precision == null
                            ? adapter.weightsOf(part).weights(weights)
                            : WeightSources.in(
                                    adapter.weightsOf(part).weights(WeightSources.in(weights, Precision.FLOAT32)),
                                    precision));
            if (output.toString().endsWith(".safetensors")) {
                writer.file(output);
            } else {
                writer.folder(output);
            }
        }
        return warnings;
    }
}
