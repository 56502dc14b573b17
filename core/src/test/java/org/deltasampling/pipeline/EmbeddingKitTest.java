package org.deltasampling.pipeline;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.deltasampling.Kit;
import org.deltasampling.NoLeaks;
import org.deltasampling.TensorAssert;
import org.deltasampling.adapter.EmbeddingFile;
import org.deltasampling.adapter.RoleAdapter;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.model.Conditioning;
import org.deltasampling.tensor.Device;
import org.deltasampling.tensor.PixelSize;
import org.deltasampling.tensor.Precision;
import org.deltasampling.tensor.TensorScope;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Textual inversions, one of three rows and one a pickle, give the hidden states that diffusers gives. */
@ExtendWith(NoLeaks.class)
class EmbeddingKitTest {

    @Test
    void wordsOfTextualInversionsAreReadAsDiffusersReadsThem() {
        Kit.Case kit = Kit.at("textual-inversion-sd1");
        try (Checkpoint checkpoint = Checkpoint.open(kit.path("model"));
                Model model = Model.of(checkpoint, Precision.FLOAT32, Device.CPU);
                TensorScope scope = TensorScope.open()) {
            RoleAdapter adapter = RoleAdapter.NONE;
            for (Map.Entry<String, JsonNode> embedding :
                    kit.json().required("embeddings").properties()) {
                EmbeddingFile file = EmbeddingFile.open(
                        kit.folder().resolve(embedding.getValue().textValue()));
                adapter = adapter.then(file.on(checkpoint, embedding.getKey()));
            }
            String prompt = kit.json().required("prompt").textValue();
            String negative = kit.json().required("negative_prompt").textValue();
            try (Model knowing = model.with(adapter, List.of(), List.of())) {
                Map<String, Conditioning> encoded =
                        knowing.texts().encode(List.of(prompt, negative), new PixelSize(16, 16), warning -> {});
                TensorAssert.assertThat(
                                Objects.requireNonNull(encoded.get(prompt)).tokens())
                        .isCloseTo(kit.tensor("out.embeds"), Kit.NETWORK);
                TensorAssert.assertThat(
                                Objects.requireNonNull(encoded.get(negative)).tokens())
                        .isCloseTo(kit.tensor("out.negative"), Kit.NETWORK);
            }
        }
    }
}
