package org.deltasampling.weights;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deltasampling.file.Quoted;

/**
 * The tensors in what a pickle holds, under the names of their entries; those of nested dicts and lists are joined by dots. What
 * {@code torch.save} was given is unwrapped as ComfyUI does: where there is a {@code state_dict}, it is all that counts, and else
 * a dict that is the sole entry stands for itself.
 */
final class StateDict {

    private static final String STATE_DICT = "state_dict";

    /** The sole entry of some textual inversions, whose own entries need not be names. */
    private static final String EMBEDDING = "string_to_param";

    /** No model nests them deeper; a dict of a pickle can even hold itself. */
    private static final int DEEPEST = 16;

    private static final int WALK_BYTES = 128;

    /** The name of a tensor that is all that the file holds. */
    private static final String SOLE = "tensor";

    private final Path path;
    private final PickleAllowance allowance;
    private final Map<String, PickledTensor> tensors = new LinkedHashMap<>();
    private final Map<String, String> metadata = new LinkedHashMap<>();

    private StateDict(Path path, PickleAllowance allowance) {
        this.path = path;
        this.allowance = allowance;
    }

    /**
     * That in {@code value}.
     *
     * @throws BadWeightsException if there is none, or if it has more than can be
     */
    static StateDict of(Path path, Object value, PickleAllowance allowance) {
        StateDict dict = new StateDict(path, allowance);
        Object content = dict.unwrapped(value);
        if (content instanceof PickledTensor tensor) {
            dict.add(SOLE, tensor);
        } else {
            dict.walk("", content, 0);
        }
        if (dict.tensors.isEmpty()) {
            throw new BadWeightsException("%s is a pickle without tensors: give a file of weights".formatted(path));
        }
        return dict;
    }

    /** The tensors by name. */
    Map<String, PickledTensor> tensors() {
        return tensors;
    }

    /** The texts and numbers beside them. */
    Map<String, String> metadata() {
        return metadata;
    }

    private Object unwrapped(Object value) {
        Object content = value;
        for (int depth = 0; depth < DEEPEST && content instanceof PickleDict dict; depth++) {
            Map<String, Object> entries = dict.entries();
            String sole = entries.size() == 1 ? entries.keySet().iterator().next() : STATE_DICT;
            String name = entries.containsKey(STATE_DICT) ? STATE_DICT : sole;
            if (!(entries.get(name) instanceof PickleDict inner) || name.equals(EMBEDDING)) {
                return content;
            }
            entries.forEach((key, beside) -> addMetadata(key, beside));
            content = inner;
        }
        return content;
    }

    private void walk(String prefix, Object value, int depth) {
        if (depth > DEEPEST) {
            throw new BadWeightsException(
                    "%s is damaged or hostile: its dicts are nested more than %d deep; get the file from its source again"
                            .formatted(path, DEEPEST));
        }
        if (value instanceof PickleDict dict) {
            dict.entries().forEach((key, inner) -> entry(prefix, key, inner, depth));
        } else if (value instanceof PickleList list) {
            List<Object> items = list.items();
            for (int i = 0; i < items.size(); i++) {
                entry(prefix, Integer.toString(i), items.get(i), depth);
            }
        }
    }

    private void entry(String prefix, String key, Object value, int depth) {
        allowance.take(WALK_BYTES + 4L * (prefix.length() + key.length()));
        String name = prefix + key;
        if (value instanceof PickledTensor tensor) {
            add(name, tensor);
        } else if (value instanceof PickleDict || value instanceof PickleList) {
            walk(name + ".", value, depth + 1);
        } else {
            addMetadata(name, value);
        }
    }

    private void add(String name, PickledTensor tensor) {
        if (tensors.put(name, tensor) != null) {
            throw new BadWeightsException("%s has two tensors of the name %s: save it anew, as .safetensors"
                    .formatted(path, Quoted.of(name)));
        }
    }

    private void addMetadata(String name, Object value) {
        if (value instanceof String || value instanceof Long || value instanceof Double || value instanceof Boolean) {
            metadata.put(name, value.toString());
        }
    }
}
