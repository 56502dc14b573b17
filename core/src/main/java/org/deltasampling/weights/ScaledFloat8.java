package org.deltasampling.weights;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.file.Quoted;
import org.deltasampling.tensor.TensorScope;

/**
 * A file in which some weights are float8 numbers times a scale, as the weights that are meant, in float32. ComfyUI names the
 * scale of {@code X.weight} {@code X.scale_weight}, or {@code X.weight_scale} as diffusers does; beside it may be the scale of
 * the layer's inputs, which matters only to those who compute in float8, and marks of the format.
 *
 * @param scales by the names of the weights, the names of their scales
 */
record ScaledFloat8(WeightSource source, Set<String> names, Map<String, String> scales) implements WeightView {

    private static final Set<String> SCALES = Set.of("scale_weight", "weight_scale");
    private static final Set<String> WITHOUT_EFFECT = Set.of("scale_input", "input_scale", "scaled_fp8");
    private static final String FORMAT = "comfy_quant";
    private static final Set<String> FORMATS = Set.of("float8_e4m3fn", "float8_e5m2");
    private static final int MAX_FORMAT_BYTES = 1 << 12;

    /**
     * The weights that {@code file} means; itself, if none is scaled.
     *
     * @throws BadWeightsException if weights are quantised in a form that is not read, naming one
     */
    static WeightSource over(WeightSource file) {
        Set<String> names = new LinkedHashSet<>();
        Map<String, String> scales = new LinkedHashMap<>();
        for (String name : file.names()) {
            String end = name.substring(name.lastIndexOf('.') + 1);
            if (SCALES.contains(end)) {
                String weight = name.substring(0, name.length() - end.length()) + "weight";
                if (!isScale(file, weight, name) || scales.put(weight, name) != null) {
                    throw unknown(file, name);
                }
            } else if (end.equals(FORMAT)) {
                requireKnown(file, name);
            } else if (end.startsWith("weight_scale") || end.equals("pre_quant_scale")) {
                throw unknown(file, name);
            } else if (!WITHOUT_EFFECT.contains(end)) {
                names.add(name);
            }
        }
        return names.size() == file.names().size()
                ? file
                : new ScaledFloat8(file, Collections.unmodifiableSet(names), scales);
    }

    /** Whether {@code scale} is a number for all of a float8 weight, or one for each of its rows. */
    private static boolean isScale(WeightSource file, String weight, String scale) {
        if (!file.names().contains(weight)) {
            return false;
        }
        torch.ScalarType type = file.info(weight).type();
        long[] shape = file.info(weight).shape();
        long count = file.info(scale).count();
        return (type == torch.ScalarType.Float8_e4m3fn || type == torch.ScalarType.Float8_e5m2)
                && isFloating(file.info(scale).type())
                && (count == 1 || (shape.length > 0 && count == shape[0]));
    }

    private static boolean isFloating(torch.ScalarType type) {
        return type == torch.ScalarType.Float
                || type == torch.ScalarType.BFloat16
                || type == torch.ScalarType.Half
                || type == torch.ScalarType.Double;
    }

    /** The mark of a layer is a JSON text as bytes. */
    private static void requireKnown(WeightSource file, String name) {
        TensorInfo info = file.info(name);
        if (info.type() != torch.ScalarType.Byte || info.count() > MAX_FORMAT_BYTES) {
            throw unknown(file, name);
        }
        byte[] text = new byte[(int) info.count()];
        try (TensorScope scope = TensorScope.open()) {
            if (text.length > 0) {
                ByteBuffer bytes = file.load(name).contiguous().createBuffer();
                bytes.get(text);
            }
        }
        JsonNode layer = JsonFile.parse(
                new String(text, StandardCharsets.UTF_8), "%s of %s".formatted(Quoted.of(name), file.origin()));
        if (!FORMATS.contains(layer.path("format").asText())) {
            throw unknown(file, name);
        }
    }

    private static BadWeightsException unknown(WeightSource file, String name) {
        return new BadWeightsException(
                "%s has weights that are quantised in a form that is not read, see %s: use a float16, bfloat16 or scaled float8 file"
                        .formatted(file.origin(), Quoted.of(name)));
    }

    @Override
    public TensorInfo info(String name) {
        TensorInfo info = source.info(name);
        return scales.containsKey(name) ? new TensorInfo(torch.ScalarType.Float, info.shape()) : info;
    }

    @Override
    public Tensor load(String name) {
        String scale = scales.get(name);
        if (scale == null) {
            return source.load(name);
        }
        return TensorScope.scopedTensor(() -> {
            Tensor factor = source.load(scale).to(torch.ScalarType.Float);
            FiniteNumbers.require(factor, source.origin(), scale);
            return source.load(name).to(torch.ScalarType.Float).mul(factor.view(acrossRows(name, factor.numel())));
        });
    }

    /** The shape in which a scale spreads over the weight. */
    private long[] acrossRows(String name, long count) {
        long[] shape = new long[source.info(name).shape().length];
        Arrays.fill(shape, 1);
        if (count > 1) {
            shape[0] = count;
        }
        return shape;
    }
}
