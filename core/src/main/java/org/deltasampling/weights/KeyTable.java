package org.deltasampling.weights;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.file.Quoted;
import org.deltasampling.tensor.TensorScope;
import org.jspecify.annotations.Nullable;

/**
 * One key format: a file's names for a model's canonical names, which are diffusers'. The rows are data (resources {@code
 * *.names}, syntax at {@link KeyTableReader}); each names the prefix of a subtree, and the longest prefix that ends at a dot
 * wins. One-to-one: two rows for one name throw.
 */
public final class KeyTable {

    private final Map<String, KeyRow> byCanonical = new TreeMap<>();
    private final Map<String, List<KeyRow>> byFile = new TreeMap<>();
    private final String within;

    private KeyTable(KeyTableReader read) {
        within = read.within;
        for (KeyRow row : read.rows) {
            if (byCanonical.put(row.canonical(), row) != null) {
                throw new IllegalArgumentException("two rows for " + row.canonical());
            }
            addReading(row);
        }
        read.alsoRead.forEach(this::addReading);
        for (String name : read.ignored) {
            if (byFile.put(name, List.of()) != null) {
                throw new IllegalArgumentException("two rows for " + name);
            }
        }
    }

    private void addReading(KeyRow row) {
        List<KeyRow> sharing = byFile.computeIfAbsent(row.file(), f -> new ArrayList<>());
        sharing.add(row);
        boolean parts = sharing.stream().allMatch(r -> r.transform() instanceof Transform.Rows);
        if (sharing.size() > 1 && !parts) {
            throw new IllegalArgumentException("two rows for " + row.file());
        }
    }

    /**
     * The table of a resource beside this class.
     *
     * @param numbers what the rows' expressions and ranges may name
     * @param lists what {@code for i in LIST} may name
     */
    public static KeyTable read(String resource, Map<String, Integer> numbers, Map<String, List<Integer>> lists) {
        return of(KeyTableReader.lines(resource), numbers, lists);
    }

    /** A table without numbers. */
    public static KeyTable read(String resource) {
        return read(resource, Map.of(), Map.of());
    }

    static KeyTable of(List<String> lines, Map<String, Integer> numbers, Map<String, List<Integer>> lists) {
        KeyTableReader reader = new KeyTableReader(numbers, lists);
        lines.forEach(reader::line);
        return new KeyTable(reader);
    }

    /** What every name of this part of a file begins with, its last character a dot; empty if it is the whole file. */
    public String within() {
        return within;
    }

    /** Whether the table has a row for this name of a file, be it to ignore it. */
    public boolean knows(String fileName) {
        return prefix(fileName, byFile) != null;
    }

    /** What a file in this key format calls the tensor of a canonical name. */
    public String nameInFile(String canonical) {
        String prefix = prefix(canonical, byCanonical);
        return prefix == null ? canonical : join(row(prefix).file(), rest(canonical, prefix));
    }

    /**
     * The tensors of {@code file} under canonical names. Those outside the table's part of the file and those that it
     * ignores are left out; a name that no row knows stays as it is, so that {@link WeightCheck} reports it.
     *
     * @throws BadWeightsException if two tensors of the file stand for one of the model
     */
    public WeightSource over(WeightSource file) {
        Map<String, KeyRow> located = new LinkedHashMap<>();
        for (String name : file.names()) {
            if (!name.startsWith(within)) {
                continue;
            }
            String prefix = prefix(name, byFile);
            List<KeyRow> rows = prefix == null ? List.of(KeyRow.same("", "")) : rows(prefix);
            for (KeyRow row : rows) {
                String canonical = join(row.canonical(), rest(name, row.file()));
                KeyRow before = located.put(canonical, new KeyRow(canonical, name, row.transform()));
                if (before != null) {
                    throw new BadWeightsException("%s holds one weight twice: as %s and as %s"
                            .formatted(file.origin(), Quoted.of(before.file()), Quoted.of(name)));
                }
            }
        }
        return new Renamed(file, located);
    }

    /**
     * The inverse of {@link #over}: the tensors of {@code canonical} as a file in this key format holds them; those that it
     * has no row for are left out.
     */
    public WeightSource inFileNames(WeightSource canonical) {
        Map<String, List<String>> members = new LinkedHashMap<>();
        for (String name : canonical.names()) {
            if (prefix(name, byCanonical) != null) {
                members.computeIfAbsent(nameInFile(name), f -> new ArrayList<>())
                        .add(name);
            }
        }
        members.values().forEach(names -> names.sort((a, b) -> Integer.compare(part(a), part(b))));
        return new InFileNames(canonical, members);
    }

    /** How many of the model's tensors share, in equal parts, the file's one that {@code canonical} comes from. */
    public int sharing(String canonical) {
        return transform(canonical) instanceof Transform.Rows rows ? rows.n() : 1;
    }

    /** What {@code canonical} takes of the rows of the file's tensor; the same for anything that has such rows. */
    public Tensor rows(String canonical, Tensor file) {
        return transform(canonical).read(file);
    }

    private int part(String canonical) {
        return transform(canonical) instanceof Transform.Rows rows ? rows.k() : 0;
    }

    private Transform transform(String canonical) {
        String prefix = prefix(canonical, byCanonical);
        return prefix == null ? new Transform.Keep() : row(prefix).transform();
    }

    private KeyRow row(String prefix) {
        return Objects.requireNonNull(byCanonical.get(prefix));
    }

    private List<KeyRow> rows(String prefix) {
        return Objects.requireNonNull(byFile.get(prefix));
    }

    /** The longest key of {@code rows} that is {@code name} or ends at one of its dots; the empty key ends before them all. */
    private static @Nullable String prefix(String name, Map<String, ?> rows) {
        String prefix = name;
        while (!rows.containsKey(prefix)) {
            if (prefix.isEmpty()) {
                return null;
            }
            prefix = prefix.substring(0, Math.max(0, prefix.lastIndexOf('.')));
        }
        return prefix;
    }

    private static String rest(String name, String prefix) {
        return prefix.isEmpty() ? name : name.length() == prefix.length() ? "" : name.substring(prefix.length() + 1);
    }

    private static String join(String prefix, String rest) {
        return prefix.isEmpty() ? rest : rest.isEmpty() ? prefix : prefix + "." + rest;
    }

    /** A model's weights as a file holds them. */
    private final class InFileNames implements WeightSource {

        private final WeightSource model;
        private final Map<String, List<String>> members;

        InFileNames(WeightSource model, Map<String, List<String>> members) {
            this.model = model;
            this.members = members;
        }

        @Override
        public Set<String> names() {
            return Collections.unmodifiableSet(members.keySet());
        }

        @Override
        public TensorInfo info(String name) {
            try (TensorScope scope = TensorScope.open()) {
                return TensorInfo.of(load(name));
            }
        }

        @Override
        public Tensor load(String name) {
            List<String> parts = Nearest.found(name, members, origin());
            return TensorScope.scopedTensor(() -> transform(parts.get(0))
                    .write(parts.stream().map(model::load).toList()));
        }
    }
}
