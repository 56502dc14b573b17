package org.deltasampling.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.zip.GZIPInputStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.tensor.TensorScope;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class KeyTableTest {

    private static final Map<String, Integer> FULL_SIZE = Map.of("levels", 4, "layers", 2, "top", 3);
    private static final KeyTable UNET =
            KeyTable.read("unet-original", FULL_SIZE, Map.of("plain", List.of(0), "attending", List.of(1, 2, 3)));
    private static final KeyTable VAE = KeyTable.read("vae-original", FULL_SIZE, Map.of());

    /** Against the names that diffusers' converters give: see src/test/scripts/make_names_fixture.py. */
    @ParameterizedTest
    @ValueSource(strings = {"sd15", "sd21"})
    void everyNameOfTheFullSizeModelsIsMapped(String model) throws IOException {
        KeyTable text = model.equals("sd15")
                ? KeyTable.read("clip-original")
                : KeyTable.read("openclip-original", Map.of("layers", 23), Map.of());
        Map<String, KeyTable> tables = Map.of("unet", UNET, "vae", VAE, "text", text);
        Map<String, TensorInfo> file = new LinkedHashMap<>();
        Map<String, Set<String>> canonical = new TreeMap<>();
        int rows = 0;
        for (String line : fixture("names-" + model + ".tsv.gz")) {
            String[] cells = line.split("\t", -1);
            String original = cells[2].replaceAll("[+].*", "");
            canonical.computeIfAbsent(cells[0], p -> new TreeSet<>()).add(cells[1]);
            file.put(original, new TensorInfo(torch.ScalarType.Half, shape(cells[3])));
            assertThat(Objects.requireNonNull(tables.get(cells[0])).nameInFile(cells[1]))
                    .isEqualTo(original);
            rows++;
        }
        assertThat(rows).isGreaterThan(1000);
        canonical.forEach((part, names) -> assertThat(Objects.requireNonNull(tables.get(part))
                        .over(shapesOnly(file))
                        .names())
                .containsExactlyInAnyOrderElementsOf(names));
        assertThat(VAE.over(shapesOnly(file))
                        .info("decoder.mid_block.attentions.0.to_q.weight")
                        .shape())
                .containsExactly(512, 512);
    }

    @Test
    void partsOfOneTensorAreReadAndJoinedAgain() {
        KeyTable table = KeyTable.read("openclip-original", Map.of("layers", 1), Map.of());
        try (TensorScope scope = TensorScope.open()) {
            Map<String, Tensor> file = new LinkedHashMap<>();
            file.put("cond_stage_model.model.transformer.resblocks.0.attn.in_proj_weight", torch.randn(12, 4));
            file.put("cond_stage_model.model.positional_embedding", torch.randn(7, 4));
            file.put("cond_stage_model.model.text_projection", torch.randn(4, 4));
            WeightSource model = table.over(WeightSources.of(file));
            assertThat(model.names()).hasSize(4);
            String key = "text_model.encoder.layers.0.self_attn.k_proj.weight";
            assertThat(model.info(key).shape()).containsExactly(4, 4);
            assertThat(model.load(key).equal(file.values().iterator().next().narrow(0, 4, 4)))
                    .isTrue();
            WeightSource back = table.inFileNames(model);
            assertThat(back.names()).hasSize(2);
            back.names()
                    .forEach(n ->
                            assertThat(back.load(n).equal(file.get(n))).as(n).isTrue());
        }
    }

    @Test
    void theOldAttentionNamesAndBothFormsAreRead() {
        KeyTable table = KeyTable.read("vae-diffusers");
        try (TensorScope scope = TensorScope.open()) {
            WeightSource vae = table.over(WeightSources.of(Map.of(
                    "decoder.mid_block.attentions.0.query.weight", torch.randn(4, 4, 1, 1),
                    "decoder.mid_block.attentions.0.proj_attn.bias", torch.randn(4),
                    "encoder.mid_block.attentions.0.to_k.weight", torch.randn(4, 4),
                    "conv_in.weight", torch.randn(4, 4, 3, 3))));
            assertThat(vae.names())
                    .containsExactlyInAnyOrder(
                            "decoder.mid_block.attentions.0.to_q.weight",
                            "decoder.mid_block.attentions.0.to_out.0.bias",
                            "encoder.mid_block.attentions.0.to_k.weight",
                            "conv_in.weight");
            assertThat(vae.load("decoder.mid_block.attentions.0.to_q.weight").dim())
                    .isEqualTo(2);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"squeeze", "transpose", "swap-halves"})
    void aTransformIsUndoneByItsInverse(String name) {
        Transform transform = Transform.named(name);
        try (TensorScope scope = TensorScope.open()) {
            Tensor file = name.equals("squeeze") ? torch.randn(4, 6, 1, 1) : torch.randn(4, 6);
            Tensor model = transform.read(file);
            assertThat(TensorInfo.of(model).shape())
                    .isEqualTo(transform.shape(TensorInfo.of(file).shape()));
            assertThat(transform.write(List.of(model)).equal(file)).isTrue();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "rows 0/3, 7 4",
        "rows 1/3, ''",
        "transpose, 5",
        "transpose, 2 2 2",
        "swap-halves, 5 2",
        "swap-halves, ''"
    })
    void aShapeThatCannotChangeFormFitsNoModel(String transform, String shape) {
        long[] inFile = Arrays.stream(shape.split(" "))
                .filter(axis -> !axis.isEmpty())
                .mapToLong(Long::parseLong)
                .toArray();
        try (TensorScope scope = TensorScope.open()) {
            WeightSource model = table("a = x " + transform).over(WeightSources.of(Map.of("x", torch.ones(inFile))));
            assertThat(model.info("a").shape()).isEqualTo(inFile);
            assertThatThrownBy(() -> model.load("a"))
                    .isInstanceOf(BadWeightsException.class)
                    .hasMessageContaining("x in the shape");
        }
    }

    @Test
    void aWeightThatAFileHoldsTwiceIsNamed() {
        try (TensorScope scope = TensorScope.open()) {
            WeightSource file = WeightSources.of(Map.of("m.x.w", torch.ones(1), "m.y.w", torch.ones(1)));
            assertThatThrownBy(() -> table("within m", "a = x", "also a = y").over(file))
                    .isInstanceOf(BadWeightsException.class)
                    .hasMessageContaining("holds one weight twice")
                    .hasMessageContainingAll("m.x.w", "m.y.w");
        }
    }

    @Test
    void twoRowsForOneNameThrow() {
        assertThatThrownBy(() -> table("a = x", "a = y")).hasMessageContaining("two rows for a");
        assertThatThrownBy(() -> table("a = x", "b = x")).hasMessageContaining("two rows for x");
        assertThatThrownBy(() -> table("a = x", "ignored: x")).hasMessageContaining("two rows for x");
        assertThatThrownBy(() -> table("a.{i} = x.{i}  for i=0..1", "a.1 = y"))
                .hasMessageContaining("two rows for a.1");
        assertThatThrownBy(() -> table("a = x sideways")).hasMessageContaining("a = x sideways");
        assertThatThrownBy(() -> table("a.{b+} = x")).hasMessageContaining("bad line");
    }

    @Test
    void theLongestPrefixThatEndsAtADotWins() {
        KeyTable table = table("within m", "a = x", "b.c = x.y", "ignored: x.z");
        try (TensorScope scope = TensorScope.open()) {
            Tensor t = torch.ones(1);
            WeightSource model = table.over(WeightSources.of(
                    Map.of("m.x.w", t, "m.x.y.w", t, "m.x.yy", t, "m.x.z.w", t, "m.q", t, "other", t)));
            assertThat(model.names()).containsExactlyInAnyOrder("a.w", "b.c.w", "a.yy", "m.q");
            assertThat(model.nameInFile("b.c.w")).isEqualTo("m.x.y.w");
        }
        assertThat(table.nameInFile("b.c.w")).isEqualTo("m.x.y.w");
        assertThat(table.knows("m.x.z")).isTrue();
        assertThat(table.knows("m.q")).isFalse();
    }

    @Test
    void oneMessageSaysAllThatDoesNotFit() {
        KeyTable table = table("within m", "a = x");
        try (TensorScope scope = TensorScope.open()) {
            WeightSource model = table.over(WeightSources.of(
                    Map.of("m.x.weight", torch.ones(2, 3), "m.x.bais", torch.ones(2), "m.y", torch.ones(1))));
            Map<String, long[]> declared = new LinkedHashMap<>();
            declared.put("a.weight", new long[] {3, 2});
            declared.put("a.bias", new long[] {2});
            WeightCheck check = WeightCheck.of(model, table, declared);
            assertThat(check.passed()).isFalse();
            assertThatThrownBy(() -> check.orThrow("f.safetensors"))
                    .isInstanceOf(BadWeightsException.class)
                    .hasMessageContaining("1 weight is missing: m.x.bias (the nearest is m.x.bais)")
                    .hasMessageContaining("m.x.weight is [2, 3] where [3, 2] is needed")
                    .hasMessageContaining("2 weights are not part of the model");
        }
    }

    private static KeyTable table(String... lines) {
        return KeyTable.of(List.of(lines), Map.of(), Map.of());
    }

    private static List<String> fixture(String name) throws IOException {
        try (BufferedReader in = new BufferedReader(new InputStreamReader(
                new GZIPInputStream(Objects.requireNonNull(KeyTableTest.class.getResourceAsStream(name))),
                StandardCharsets.UTF_8))) {
            return in.lines().toList();
        }
    }

    private static long[] shape(String text) {
        return Arrays.stream(text.replaceAll("[\\[\\] ]", "").split(",", -1))
                .mapToLong(Long::parseLong)
                .toArray();
    }

    private static WeightSource shapesOnly(Map<String, TensorInfo> infos) {
        return new WeightSource() {
            @Override
            public Set<String> names() {
                return infos.keySet();
            }

            @Override
            public TensorInfo info(String name) {
                return Objects.requireNonNull(infos.get(name));
            }

            @Override
            public Tensor load(String name) {
                throw new UnsupportedOperationException();
            }
        };
    }
}
