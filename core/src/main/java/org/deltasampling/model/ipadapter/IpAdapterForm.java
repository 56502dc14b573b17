package org.deltasampling.model.ipadapter;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.deltasampling.model.Shapes;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.WeightSource;
import org.deltasampling.weights.WeightSources;

/**
 * The form of an IP-Adapter, read off its shapes.
 *
 * @param features width of what it reads of the image encoder
 * @param width of its tokens
 * @param layers its attention layers in the order of their numbers
 */
record IpAdapterForm(IpAdapterKind kind, long features, long width, List<Layer> layers) {

    /** What the names of its image projection begin with. */
    static final String PROJECTION = "image_proj";

    private static final Pattern KEYS = Pattern.compile("ip_adapter\\.(\\d{1,6})\\.to_k_ip\\.weight");

    IpAdapterForm {
        layers = List.copyOf(layers);
        if (layers.isEmpty()) {
            throw new BadWeightsException(
                    "it has no attention layers (ip_adapter.*.to_k_ip.weight): download or copy it again");
        }
    }

    /**
     * One attention layer.
     *
     * @param name what the names of its weights begin with
     * @param width of its keys and values
     * @param headWidth where it normalizes each head; 0: it does not, and any number of heads will do
     */
    record Layer(String name, long width, long headWidth) {

        private static Layer of(WeightSource weights, String name) {
            String norm = name + ".norm_q.weight";
            return new Layer(
                    name,
                    Shapes.of(weights, name + ".to_k_ip.weight", 2)[0],
                    weights.names().contains(norm) ? Shapes.of(weights, norm, 1)[0] : 0);
        }

        boolean fits(AttentionLayers.Layer other) {
            return width == other.width() && (headWidth == 0 || headWidth * other.heads() == width);
        }
    }

    /** Of a file of that kind; names are canonical. */
    static IpAdapterForm infer(IpAdapterKind kind, WeightSource weights) {
        WeightSource projection = projection(weights);
        return new IpAdapterForm(
                kind,
                Shapes.of(projection, kind.features(), 2)[1],
                Shapes.of(projection, kind.width(), 1)[0],
                numbers(weights.names()).stream()
                        .map(number -> Layer.of(weights, "ip_adapter." + number))
                        .toList());
    }

    /** The image projection's weights, under names that begin after {@link #PROJECTION}. */
    static WeightSource projection(WeightSource weights) {
        Map<String, String> names = new LinkedHashMap<>();
        for (String name : weights.names()) {
            if (name.startsWith(PROJECTION + ".")) {
                names.put(name.substring(PROJECTION.length() + 1), name);
            }
        }
        return WeightSources.renamed(weights, names);
    }

    private static Set<Integer> numbers(Set<String> names) {
        Set<Integer> numbers = new TreeSet<>();
        for (String name : names) {
            Matcher keys = KEYS.matcher(name);
            if (keys.matches()) {
                numbers.add(Integer.parseInt(keys.group(1)));
            }
        }
        return numbers;
    }
}
