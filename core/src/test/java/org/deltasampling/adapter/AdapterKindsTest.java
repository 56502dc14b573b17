package org.deltasampling.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.NoLeaks;
import org.deltasampling.TensorAssert;
import org.deltasampling.TinyModels;
import org.deltasampling.adapter.SampleAdapters.Sample;
import org.deltasampling.model.Architecture;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.tensor.Precision;
import org.deltasampling.tensor.TensorScope;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.ResidentWeights;
import org.deltasampling.weights.SafetensorsWriter;
import org.deltasampling.weights.WeightFile;
import org.deltasampling.weights.WeightSource;
import org.deltasampling.weights.WeightSources;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The formula of each kind in each form, and what all kinds have in common. */
@ExtendWith(NoLeaks.class)
class AdapterKindsTest {

    private static final double EXACT = 1e-5;
    private static final String LINEAR = "time_embedding.linear_1";
    private static final String CONV = "mid_block.resnets.0.conv1";
    private static final String NORM = "mid_block.attentions.0.norm";
    private static final String QKV = "joint_blocks.0.x_block.attn.qkv";
    private static final String HALVES = "final_layer.adaLN_modulation.1";
    private static final String SWAPPED = "norm_out.linear";

    @TempDir
    Path folder;

    private TensorScope scope;
    private Checkpoint model;
    private ResidentWeights base;
    private final Map<String, Tensor> file = new LinkedHashMap<>();

    @BeforeEach
    void openModel() {
        scope = TensorScope.open();
        torch.manual_seed(7);
        model = Checkpoint.open(TinyModels.sd1(folder.resolve("model"), 1));
        base = new ResidentWeights(model.network().weights(), Precision.FLOAT32);
    }

    @AfterEach
    void close() {
        file.clear();
        base.close();
        model.close();
        scope.close();
    }

    @Test
    void everyKindIsNamedAndChangesNothingAtStrengthZeroAndSomethingAtOne() {
        Tensor w = weight(LINEAR);
        List<Sample> samples = new ArrayList<>(SampleAdapters.ofRows(w.size(0), w.size(1)));
        samples.addAll(SampleAdapters.ofLayers(w.size(0), w.size(1)));
        for (Sample sample : samples) {
            file.clear();
            file.putAll(sample.named("unet." + LINEAR));
            try (AdapterFile adapter = AdapterFile.open(written())) {
                assertThat(adapter.summary().kind()).isEqualTo(sample.title());
            }
            TensorAssert.assertThat(changed(LINEAR, 0)).as(sample.toString()).isCloseTo(w, 1e-6);
            assertThat(TensorAssert.error(changed(LINEAR, 1), w))
                    .as(sample.toString())
                    .isGreaterThan(0.01);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {LINEAR, CONV})
    void iaScalesInputsOrOutputs(String layer) {
        Tensor w = weight(layer);
        boolean conv = w.dim() == 4;
        Tensor outputs = torch.randn(w.size(0));
        put(layer, ".weight", conv ? outputs.reshape(1, -1, 1, 1) : outputs);
        put(layer, ".on_input", number(0));
        Tensor byRow = outputs.reshape(conv ? new long[] {-1, 1, 1, 1} : new long[] {-1, 1});
        assertChanged(layer, 0.8, w.add(w.mul(byRow), new Scalar(0.8)));
        Tensor inputs = torch.randn(w.size(1));
        put(layer, ".weight", conv ? inputs.reshape(1, -1, 1, 1) : inputs);
        put(layer, ".on_input", number(1));
        Tensor byColumn = inputs.reshape(conv ? new long[] {1, -1, 1, 1} : new long[] {1, -1});
        assertChanged(layer, -0.5, w.add(w.mul(byColumn), new Scalar(-0.5)));
    }

    @Test
    void lokrIsAKroneckerProductOfWholeOrFactoredMatrices() {
        Tensor w = weight(LINEAR);
        Tensor left = torch.randn(4, 2);
        Tensor a = torch.randn(w.size(0) / 4, 3);
        Tensor b = torch.randn(3, w.size(1) / 2);
        put(LINEAR, ".alpha", number(6));
        put(LINEAR, ".lokr_w1", left);
        put(LINEAR, ".lokr_w2_a", a);
        put(LINEAR, ".lokr_w2_b", b);
        assertChanged(LINEAR, 0.5, w.add(torch.kron(left, a.mm(b)), new Scalar(0.5 * 6 / 3)));
        remove(LINEAR, ".lokr_w2_a", ".lokr_w2_b");
        Tensor right = torch.randn(w.size(0) / 4, w.size(1) / 2);
        put(LINEAR, ".lokr_w2", right);
        assertChanged(LINEAR, 0.5, w.add(torch.kron(left, right), new Scalar(0.5)));
        remove(LINEAR, ".lokr_w1");
        Tensor up = torch.randn(4, 1);
        Tensor down = torch.randn(1, 2);
        put(LINEAR, ".lokr_w1_a", up);
        put(LINEAR, ".lokr_w1_b", down);
        assertChanged(LINEAR, 0.5, w.add(torch.kron(up.mm(down), right), new Scalar(0.5 * 6)));
        remove(LINEAR, ".lokr_w2");
        put(LINEAR, ".lokr_w2_a", a);
        put(LINEAR, ".lokr_w2_b", b);
        assertChanged(LINEAR, 0.5, w.add(torch.kron(up.mm(down), a.mm(b)), new Scalar(0.5 * 6 / 3)));
    }

    @Test
    void lokrOfAConvolutionHasAKernelInTheSecondMatrix() {
        Tensor w = weight(CONV);
        Tensor left = torch.randn(4, 2);
        Tensor core = torch.randn(3, 5, 3, 3);
        Tensor a = torch.randn(3, w.size(0) / 4);
        Tensor b = torch.randn(5, w.size(1) / 2);
        put(CONV, ".lokr_w1", left);
        put(CONV, ".lokr_w2_a", a);
        put(CONV, ".lokr_w2_b", b);
        put(CONV, ".lokr_t2", core);
        put(CONV, ".alpha", number(5));
        Tensor kernel = tucker(core, a, b);
        Tensor product = torch.kron(left.unsqueeze(-1).unsqueeze(-1), kernel);
        assertChanged(CONV, 0.7, w.add(product, new Scalar(0.7)));
        remove(CONV, ".lokr_w2_a", ".lokr_w2_b", ".lokr_t2");
        put(CONV, ".lokr_w2", kernel);
        assertChanged(CONV, 0.7, w.add(product, new Scalar(0.7)));
        remove(CONV, ".lokr_w1");
        put(CONV, ".lokr_w1_a", torch.ones(1, 4));
        put(CONV, ".lokr_w1_b", torch.ones(1, 2));
        put(CONV, ".lokr_t1", torch.ones(1, 1, 1, 1));
        remove(CONV, ".alpha");
        assertChanged(CONV, 0.7, w.add(torch.kron(torch.ones(4, 2, 1, 1), kernel), new Scalar(0.7)));
    }

    @Test
    void lohaOfAConvolutionMayHaveACoreInEachProduct() {
        Tensor w = weight(CONV);
        Tensor[] cores = {torch.randn(2, 3, 3, 3), torch.randn(3, 2, 3, 3)};
        Tensor[] products = new Tensor[2];
        for (int i = 0; i < 2; i++) {
            Tensor a = torch.randn(cores[i].size(0), w.size(0));
            Tensor b = torch.randn(cores[i].size(1), w.size(1));
            products[i] = tucker(cores[i], a, b);
            put(CONV, ".hada_w%d_a".formatted(i + 1), a);
            put(CONV, ".hada_w%d_b".formatted(i + 1), b);
            put(CONV, ".hada_t%d".formatted(i + 1), cores[i]);
        }
        assertChanged(CONV, 1, w.add(products[0].mul(products[1])));
    }

    @Test
    void gloraMultipliesAndAdds() {
        Tensor w = weight(LINEAR);
        Tensor a1 = torch.randn(w.size(1), 3);
        Tensor a2 = torch.randn(3, w.size(1));
        Tensor b1 = torch.randn(w.size(0), 3);
        Tensor b2 = torch.randn(3, w.size(1));
        put(LINEAR, ".alpha", number(1.5));
        put(LINEAR, ".a1.weight", a1);
        put(LINEAR, ".a2.weight", a2);
        put(LINEAR, ".b1.weight", b1);
        put(LINEAR, ".b2.weight", b2);
        assertChanged(LINEAR, 0.6, w.add(w.mm(a1).mm(a2).add(b1.mm(b2)), new Scalar(0.6 * 0.5)));
        put(LINEAR, ".a1.weight", a2); // as LyCORIS 2 saved them
        put(LINEAR, ".a2.weight", a1);
        put(LINEAR, ".b1.weight", b2);
        put(LINEAR, ".b2.weight", b1);
        assertChanged(LINEAR, 0.6, w.add(w.mm(a1).mm(a2).add(b1.mm(b2)), new Scalar(0.6 * 0.5)));
    }

    @Test
    void gloraOfAConvolutionMultipliesItsInputs() {
        Tensor w = weight(CONV);
        Tensor a1 = torch.randn(w.size(1), 3);
        Tensor a2 = torch.randn(3, w.size(1));
        Tensor b1 = torch.randn(w.size(0), 3);
        Tensor b2 = torch.randn(3, w.size(1), 3, 3);
        put(CONV, ".a1.weight", a1.reshape(-1, 3, 1, 1));
        put(CONV, ".a2.weight", a2.reshape(3, -1, 1, 1));
        put(CONV, ".b1.weight", b1.reshape(-1, 3, 1, 1));
        put(CONV, ".b2.weight", b2);
        Tensor channelsLast = w.permute(0, 2, 3, 1);
        Tensor multiplied = torch.matmul(channelsLast, a1.mm(a2)).permute(0, 3, 1, 2);
        Tensor added = b1.mm(b2.reshape(3, -1)).reshape(shape(w));
        assertChanged(CONV, 0.6, w.add(multiplied.add(added), new Scalar(0.6)));
        Tensor core = torch.randn(3, 3, 3, 3);
        Tensor through = torch.randn(3, w.size(1));
        put(CONV, ".bm.weight", core);
        put(CONV, ".b2.weight", through.reshape(3, -1, 1, 1));
        added = tucker(core, b1.t(), through);
        assertChanged(CONV, 0.6, w.add(multiplied.add(added), new Scalar(0.6)));
    }

    @ParameterizedTest
    @CsvSource({".lora_A., .lora_B., 1", ".down_list., .up_list., 2"})
    void dyLoraIsTheLoraOfAllItsRanks(String down, String up, long block) {
        Tensor w = weight(CONV);
        Tensor a = torch.randn(4, w.size(1), 3, 3);
        Tensor b = torch.randn(w.size(0), 4, 1, 1);
        for (long i = 0; i < 4 / block; i++) {
            put(CONV, down + i, a.narrow(0, i * block, block));
            put(CONV, up + i, b.narrow(1, i * block, block));
        }
        put(CONV, ".alpha", number(2));
        assertChanged(CONV, 0.9, LowRank.merge(w, a, b, 0.9 * 2 / 4));
        remove(CONV, down + 0);
        assertThatThrownBy(() -> changed(CONV, 1))
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining("missing: down.0 of unet." + CONV);
        put(CONV, down + 0, a.narrow(0, 0, block));
        remove(CONV, up + 1);
        assertThatThrownBy(() -> changed(CONV, 1)).isInstanceOf(BadWeightsException.class);
    }

    @Test
    void peftsMagnitudesAreTheLengthsOfTheRows() {
        for (String layer : List.of(LINEAR, CONV)) {
            file.clear();
            Tensor w = weight(layer);
            Tensor down =
                    torch.randn(2, w.size(1), 1, 1).expand(2, w.size(1), w.dim() == 4 ? 3 : 1, w.dim() == 4 ? 3 : 1);
            put(layer, ".lora_A.default.weight", w.dim() == 4 ? down.contiguous() : down.reshape(2, -1));
            put(layer, ".lora_B.default.weight", torch.randn(w.size(0), 2));
            Tensor lora = changed(layer, 1);
            Tensor lengths = torch.rand(w.size(0)).add(new Scalar(0.5));
            for (String suffix : List.of("", ".weight", ".default", ".default.weight")) {
                put(layer, ".lora_magnitude_vector" + suffix, w.dim() == 4 ? lengths.reshape(1, -1, 1, 1) : lengths);
                Tensor changed = changed(layer, 1).reshape(w.size(0), -1);
                TensorAssert.assertThat(changed.mul(changed).sum(1).sqrt()).isCloseTo(lengths, EXACT);
                Tensor flat = lora.reshape(w.size(0), -1);
                Tensor scaled =
                        flat.mul(lengths.div(flat.mul(flat).sum(1).sqrt()).reshape(-1, 1));
                TensorAssert.assertThat(changed).isCloseTo(scaled, EXACT);
                assertChanged(layer, 0.5, w.add(scaled.reshape(shape(w))).mul(new Scalar(0.5)));
                remove(layer, ".lora_magnitude_vector" + suffix);
            }
        }
    }

    /** Two rotations of pairs of rows: of neighbours first, of rows two apart then. */
    @Test
    void boftRotatesRowsThatAreFurtherAndFurtherApart() {
        Tensor w = weight(LINEAR);
        long rows = w.size(0);
        double[] tangents = {0.3, -0.2};
        Tensor blocks = torch.zeros(2, rows / 2, 2, 2);
        Tensor expected = w;
        double strength = 0.7;
        for (int stage = 0; stage < 2; stage++) {
            blocks.select(0, stage).select(1, 0).select(1, 1).fill_(new Scalar(tangents[stage]));
            Tensor dense = torch.eye(rows);
            double t = tangents[stage];
            double cos = strength * (1 - t * t) / (1 + t * t) + 1 - strength;
            double sin = strength * 2 * t / (1 + t * t);
            for (long row = 0; row < rows; row++) {
                boolean first = row / (1 + stage) % 2 == 0;
                long other = first ? row + 1 + stage : row - 1 - stage;
                set(dense, row, row, cos);
                set(dense, row, other, first ? sin : -sin);
            }
            expected = dense.mm(expected);
        }
        put(LINEAR, ".oft_blocks", blocks);
        assertChanged(LINEAR, strength, w.add(expected.sub(w), new Scalar(strength)));
        Tensor rescale = torch.randn(rows, 1);
        put(LINEAR, ".rescale", rescale);
        assertChanged(LINEAR, strength, w.add(expected.mul(rescale).sub(w), new Scalar(strength)));
    }

    @Test
    void oftRotatesBlocksOfRowsWithinItsConstraint() {
        Tensor w = weight(CONV);
        long rows = w.size(0);
        Tensor blocks = torch.randn(rows / 4, 4, 4);
        Tensor q = blocks.sub(blocks.transpose(1, 2));
        put(CONV, ".oft_blocks", blocks);
        put(CONV, ".alpha", number(2));
        Tensor limited = q.mul(new Scalar(2)).div(q.norm());
        Tensor identity = torch.eye(4);
        Tensor rotations =
                torch.bmm(identity.add(limited), identity.sub(limited).inverse());
        Tensor rotated = rotated(w, rotations);
        assertChanged(CONV, 1, rotated);
        assertChanged(CONV, 0.5, w.add(rotated.sub(w), new Scalar(0.25)));
        Tensor rescale = torch.randn(rows, 1, 1, 1);
        put(CONV, ".rescale", rescale);
        assertChanged(CONV, 1, rotated.mul(rescale));
        file.clear();
        put(CONV, ".oft_diag", rotations);
        assertChanged(CONV, 0.5, w.add(rotated).mul(new Scalar(0.5)));
    }

    @Test
    void differencesAreAddedAndWeightsReplaced() {
        Tensor w = weight(CONV);
        Tensor diff = torch.randn(shape(w));
        put(CONV, ".diff", diff);
        put(CONV, ".alpha", number(5)); // which does not count
        Tensor bias = torch.randn(w.size(0));
        put(CONV, ".diff_b", bias);
        Tensor norm = torch.randn(weight(NORM).size(0));
        put(NORM, ".w_norm", norm);
        Tensor normBias = torch.randn(weight(NORM).size(0));
        put(NORM, ".b_norm", normBias);
        assertChanged(CONV, 0.3, w.add(diff, new Scalar(0.3)));
        assertChanged(NORM, 0.3, weight(NORM).add(norm, new Scalar(0.3)));
        TensorAssert.assertThat(changed(NORM + ".bias", NORM, 0.3))
                .isCloseTo(base.load(NORM + ".bias").add(normBias, new Scalar(0.3)), EXACT);
        TensorAssert.assertThat(changed(CONV + ".bias", CONV, 0.3))
                .isCloseTo(base.load(CONV + ".bias").add(bias, new Scalar(0.3)), EXACT);
        file.clear();
        put(CONV, ".set_weight", diff);
        assertChanged(CONV, 1, diff);
        assertChanged(CONV, 0.5, w.add(diff).mul(new Scalar(0.5)));
    }

    @Test
    void aBiasThatTheModelLacksIsNamed() {
        String query = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q";
        put(query, ".diff_b", torch.zeros(weight(query).size(0)));
        assertThatThrownBy(() -> changed(query, 1))
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining("1 weight is not part of the model: unet." + query + ".diff_b");
    }

    /** PEFT writes the alpha of LoHa and LoKr beside the file. */
    @Test
    void alphaOfPeftsLohaComesFromItsSettings() throws IOException {
        Tensor w = weight(LINEAR);
        Sample loha = SampleAdapters.ofRows(w.size(0), w.size(1)).get(1);
        file.putAll(loha.named("base_model.model." + LINEAR));
        file.put("base_model.model." + LINEAR + ".alpha", number(6));
        Tensor expected = changed(LINEAR, 1);
        file.remove("base_model.model." + LINEAR + ".alpha");
        Files.writeString(folder.resolve("adapter_config.json"), "{\"peft_type\": \"LOHA\", \"r\": 3, \"alpha\": 6}");
        assertChanged(LINEAR, 1, expected);
    }

    /** A layer of the file that the model holds as three is changed as if it were one. */
    @Test
    void everyKindOfRowsChangesStackedWeightsAsOne() {
        try (Checkpoint stacking = sd3();
                ResidentWeights weights = inFloat(stacking)) {
            List<String> names = List.of("q", "k", "v").stream()
                    .map(letter -> "transformer_blocks.0.attn.to_%s.weight".formatted(letter))
                    .toList();
            Tensor whole =
                    torch.cat(new TensorVector(names.stream().map(weights::load).toArray(Tensor[]::new)), 0);
            List<Sample> samples = new ArrayList<>(SampleAdapters.ofRows(whole.size(0), whole.size(1)));
            samples.addAll(SampleAdapters.ofLayers(whole.size(0), whole.size(1)).subList(0, 3));
            for (Sample sample : samples) {
                Tensor expected = asOne(sample, whole);
                WeightSource changed = changes(stacking, weights, sample.named("diffusion_model." + QKV));
                for (int i = 0; i < 3; i++) {
                    long rows = whole.size(0) / 3;
                    TensorAssert.assertThat(changed.load(names.get(i)))
                            .as("%s of %s", names.get(i), sample)
                            .isCloseTo(expected.narrow(0, i * rows, rows), EXACT);
                }
            }
        }
    }

    @Test
    void everyKindChangesAWeightWhoseHalvesAreSwapped() {
        try (Checkpoint swapping = sd3();
                ResidentWeights weights = inFloat(swapping)) {
            Tensor weight = weights.load(SWAPPED + ".weight");
            long half = weight.size(0) / 2;
            Tensor inFile = swapped(weight, half);
            List<Sample> samples = new ArrayList<>(SampleAdapters.ofRows(weight.size(0), weight.size(1)));
            samples.addAll(SampleAdapters.ofLayers(weight.size(0), weight.size(1)));
            for (Sample sample : samples) {
                Tensor expected = swapped(asOne(sample, inFile), half);
                WeightSource changed = changes(swapping, weights, sample.named("diffusion_model." + HALVES));
                TensorAssert.assertThat(changed.load(SWAPPED + ".weight"))
                        .as(sample.toString())
                        .isCloseTo(expected, EXACT);
            }
        }
    }

    @Test
    void whatReachesAcrossStackedWeightsIsRefusedByName() {
        try (Checkpoint stacking = sd3();
                ResidentWeights weights = inFloat(stacking)) {
            Tensor part = weights.load("transformer_blocks.0.attn.to_q.weight");
            long rows = 3 * part.size(0);
            String module = "diffusion_model." + QKV;
            Sample input = SampleAdapters.inputDora(rows, part.size(1));
            assertThatThrownBy(() -> changes(stacking, weights, input.named(module)))
                    .isInstanceOf(BadWeightsException.class)
                    .hasMessageContaining("a DoRA scale of columns in " + module);
            Map<String, Tensor> oft = Map.of(module + ".oft_blocks", torch.zeros(1, rows, rows));
            assertThatThrownBy(() -> changes(stacking, weights, oft))
                    .isInstanceOf(BadWeightsException.class)
                    .hasMessageContaining("OFT blocks of %d rows in %s".formatted(rows, module));
            Map<String, Tensor> boft = Map.of(module + ".oft_blocks", torch.zeros(1, rows / 2, 2, 2));
            assertThatThrownBy(() -> changes(stacking, weights, boft))
                    .isInstanceOf(BadWeightsException.class)
                    .hasMessageContaining("(BOFT)");
        }
    }

    @ParameterizedTest
    @CsvSource({
        ".lora_magnitude_vector, DoRA on another kind",
        ".ia3_l, (IA)^3 as PEFT saves it",
        ".oft_R.weight, OFT as PEFT saves it",
        ".boft_R.default, BOFT as PEFT saves it",
        ".reshape_weight, LoRA that enlarges weights"
    })
    void otherKindsAreRefusedByName(String suffix, String kind) {
        put(LINEAR, ".diff", torch.zeros(shape(weight(LINEAR))));
        put(LINEAR, suffix, torch.zeros(2));
        assertThatThrownBy(() -> AdapterFile.open(written()).close())
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining("adapter.safetensors is an adapter of the kind " + kind);
    }

    @Test
    void halvesOfFactorsAreNamedAsMissing() {
        put(LINEAR, ".lokr_w1_a", torch.zeros(4, 1));
        put(LINEAR, ".lokr_w2", torch.zeros(2, 2));
        assertThatThrownBy(() -> changed(LINEAR, 1))
                .isInstanceOf(BadWeightsException.class)
                .hasMessageContaining("missing: w1_b of unet." + LINEAR);
    }

    /** What a sample does to a weight that a model holds as its file does. */
    private Tensor asOne(Sample sample, Tensor weight) {
        WeightSource source = WeightSources.of(sample.named("x"));
        AdapterKeys.Group group =
                AdapterKeys.of(source, AdapterKinds.ALL).groups().get(0);
        Path path = folder.resolve("one.safetensors");
        SafetensorsWriter.write(path, sample.named("x"));
        try (WeightFile one = WeightFile.open(path)) {
            AdapterModule module = new AdapterModule(one, AdapterSettings.of(one), "x", group.tensors());
            ModuleIndex.Target target =
                    new ModuleIndex.Target("transformer", "x.weight", shape(weight), 1, rows -> rows);
            WeightChange change = group.kind().reader().read(module, target);
            assertThat(change.fits(shape(weight))).isTrue();
            return change.apply(weight, 0.8);
        }
    }

    private WeightSource changes(Checkpoint other, WeightSource weights, Map<String, Tensor> tensors) {
        file.clear();
        file.putAll(tensors);
        try (AdapterFile adapter = AdapterFile.open(written())) {
            WeightChanges changes =
                    Objects.requireNonNull(adapter.on(other).changes().get("transformer"));
            WeightSource changed = changes.at(0.8).weights(weights);
            Map<String, Tensor> loaded = new LinkedHashMap<>();
            changes.touched().forEach(name -> loaded.put(name, changed.load(name)));
            return WeightSources.of(loaded);
        }
    }

    private Checkpoint sd3() {
        return Checkpoint.open(TinyModels.of(Architecture.SD3, folder.resolve("sd3"), 1));
    }

    private static ResidentWeights inFloat(Checkpoint other) {
        return new ResidentWeights(other.network().weights(), Precision.FLOAT32);
    }

    private static Tensor swapped(Tensor weight, long half) {
        return torch.cat(new TensorVector(weight.narrow(0, half, half), weight.narrow(0, 0, half)), 0);
    }

    private static Tensor rotated(Tensor w, Tensor rotations) {
        Tensor blocks = w.reshape(rotations.size(0), rotations.size(1), -1);
        return torch.einsum("knm,knc->kmc", new TensorVector(rotations, blocks)).reshape(shape(w));
    }

    /** core (i, j, h, w) with a (i, out) and b (j, in). */
    private static Tensor tucker(Tensor core, Tensor a, Tensor b) {
        return torch.einsum("ijhw,io,jn->onhw", new TensorVector(core, a, b)).contiguous();
    }

    private static void set(Tensor matrix, long row, long column, double value) {
        matrix.select(0, row).select(0, column).fill_(new Scalar(value));
    }

    private void put(String layer, String suffix, Tensor tensor) {
        file.put("unet." + layer + suffix, tensor.contiguous());
    }

    private void remove(String layer, String... suffixes) {
        for (String suffix : suffixes) {
            file.remove("unet." + layer + suffix);
        }
    }

    private static Tensor number(double value) {
        return torch.scalar_tensor(new Scalar(value));
    }

    private static long[] shape(Tensor tensor) {
        return tensor.sizes().vec().get();
    }

    private Tensor weight(String layer) {
        return base.load(layer + ".weight");
    }

    private void assertChanged(String layer, double strength, Tensor expected) {
        TensorAssert.assertThat(changed(layer, strength)).as(layer).isCloseTo(expected, EXACT);
    }

    private Tensor changed(String layer, double strength) {
        return changed(layer + ".weight", layer, strength);
    }

    private Tensor changed(String weight, String layer, double strength) {
        try (AdapterFile adapter = AdapterFile.open(written())) {
            WeightChanges changes =
                    Objects.requireNonNull(adapter.on(model).changes().get("unet"), layer);
            return changes.at(strength).weights(base).load(weight);
        }
    }

    private Path written() {
        Path path = folder.resolve("adapter.safetensors");
        SafetensorsWriter.write(path, file);
        return path;
    }
}
