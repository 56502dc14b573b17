package org.deltasampling.weights;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * Reads a {@code .names} resource into the rows it stands for. Lines:
 *
 * <pre>
 * within PREFIX                                          before every name of the file
 * rows of RESOURCE                                       the lines of another resource, here
 * &#64;group: NAME = NAME [TRANSFORM], ...                    rows for wherever "&#64;group" ends both names of a row
 * NAME = NAME [TRANSFORM] [for i=FROM..TO j in LIST ...]      canonical = file's, {expression of i, j and the numbers}
 * also NAME = NAME ...                                   another name that is read, but not written
 * ignored: NAME, ...                                     names of the file that no model needs
 * </pre>
 */
final class KeyTableReader {

    private static final Pattern RANGE = Pattern.compile("(\\w+)\\s*(?:=\\s*(\\S+?)\\.\\.(\\S+)|in\\s+(\\w+))");
    private static final Pattern BRACES = Pattern.compile("\\{([^}]*)}");

    private final Map<String, Integer> numbers;
    private final Map<String, List<Integer>> lists;
    private final Map<String, List<KeyRow>> groups = new LinkedHashMap<>();

    final List<KeyRow> rows = new ArrayList<>();
    final List<KeyRow> alsoRead = new ArrayList<>();
    final List<String> ignored = new ArrayList<>();
    String within = "";

    KeyTableReader(Map<String, Integer> numbers, Map<String, List<Integer>> lists) {
        this.numbers = numbers;
        this.lists = lists;
    }

    /** The lines of a resource beside this class. */
    static List<String> lines(String resource) {
        try (InputStream in = KeyTableReader.class.getResourceAsStream(resource + ".names")) {
            if (in == null) {
                throw new IllegalArgumentException("no table of names " + resource);
            }
            return new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))
                    .lines()
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    void line(String text) {
        String line = text.strip();
        try {
            if (line.startsWith("within ")) {
                within = line.substring("within ".length()).strip() + ".";
            } else if (line.startsWith("rows of ")) {
                lines(line.substring("rows of ".length()).strip()).forEach(this::line);
            } else if (line.startsWith("@")) {
                group(line);
            } else if (line.startsWith("ignored:")) {
                for (String name : line.substring("ignored:".length()).split(",", -1)) {
                    ignored.add(within + expand(name.strip(), numbers));
                }
            } else if (!line.isEmpty() && !line.startsWith("#")) {
                row(line);
            }
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("bad line in a table of names: " + line, e);
        }
    }

    private void group(String line) {
        int colon = line.indexOf(':');
        List<KeyRow> entries = new ArrayList<>();
        for (String entry : line.substring(colon + 1).split(",", -1)) {
            entries.add(parse(entry));
        }
        groups.put(line.substring(0, colon), entries);
    }

    private void row(String line) {
        boolean also = line.startsWith("also ");
        List<KeyRow> target = also ? alsoRead : rows;
        String[] halves = (also ? line.substring("also ".length()) : line).split("\\sfor\\s", 2);
        KeyRow row = parse(halves[0]);
        List<MatchResult> ranges = halves.length == 1
                ? List.of()
                : RANGE.matcher(halves[1]).results().toList();
        loop(ranges, new HashMap<>(numbers), values -> {
            String canonical = expand(row.canonical(), values);
            String file = expand(row.file(), values);
            List<KeyRow> members = groups.get(canonical.substring(canonical.lastIndexOf('.') + 1));
            if (members == null) {
                add(target, canonical, file, row.transform());
            } else {
                String parent = canonical.substring(0, canonical.lastIndexOf('.') + 1);
                String parentInFile = file.substring(0, file.lastIndexOf('.') + 1);
                members.forEach(m -> add(target, parent + m.canonical(), parentInFile + m.file(), m.transform()));
            }
        });
    }

    private void add(List<KeyRow> target, String canonical, String file, Transform transform) {
        target.add(file.equals("*") ? new KeyRow("", "", transform) : new KeyRow(canonical, within + file, transform));
    }

    private static KeyRow parse(String text) {
        String[] sides = text.split("=", 2);
        String[] words = sides.length == 2 ? sides[1].strip().split("\\s+", 2) : new String[0];
        if (words.length == 0) {
            throw new IllegalArgumentException("no = in " + text);
        }
        return new KeyRow(sides[0].strip(), words[0], Transform.named(words.length == 2 ? words[1].strip() : ""));
    }

    private void loop(List<MatchResult> ranges, Map<String, Integer> values, Consumer<Map<String, Integer>> body) {
        if (ranges.isEmpty()) {
            body.accept(values);
            return;
        }
        MatchResult range = ranges.get(0);
        IntStream members = range.group(4) == null
                ? IntStream.rangeClosed(
                        Expression.value(range.group(2), values), Expression.value(range.group(3), values))
                : list(range.group(4)).stream().mapToInt(Integer::intValue);
        members.forEach(i -> {
            Map<String, Integer> inner = new HashMap<>(values);
            inner.put(range.group(1), i);
            loop(ranges.subList(1, ranges.size()), inner, body);
        });
    }

    private List<Integer> list(String name) {
        List<Integer> list = lists.get(name);
        if (list == null) {
            throw new IllegalArgumentException("no list " + name);
        }
        return list;
    }

    private static String expand(String name, Map<String, Integer> values) {
        return BRACES.matcher(name)
                .replaceAll(m -> Matcher.quoteReplacement(Integer.toString(Expression.value(m.group(1), values))));
    }

    /** Whole numbers, names, {@code + - *} and parentheses. */
    private static final class Expression {

        private final String text;
        private final Map<String, Integer> values;
        private int at;

        private Expression(String text, Map<String, Integer> values) {
            this.text = text;
            this.values = values;
        }

        static int value(String text, Map<String, Integer> values) {
            Expression e = new Expression(text.replace(" ", ""), values);
            int value = e.sum();
            if (e.at < e.text.length()) {
                throw new IllegalArgumentException("cannot read " + text);
            }
            return value;
        }

        private int sum() {
            int value = product();
            while (at < text.length() && (text.charAt(at) == '+' || text.charAt(at) == '-')) {
                value += text.charAt(at++) == '+' ? product() : -product();
            }
            return value;
        }

        private int product() {
            int value = atom();
            while (at < text.length() && text.charAt(at) == '*') {
                at++;
                value *= atom();
            }
            return value;
        }

        private int atom() {
            if (at < text.length() && text.charAt(at) == '(') {
                at++;
                int value = sum();
                if (at >= text.length() || text.charAt(at++) != ')') {
                    throw new IllegalArgumentException("no ) in " + text);
                }
                return value;
            }
            int start = at;
            while (at < text.length() && Character.isLetterOrDigit(text.charAt(at))) {
                at++;
            }
            String word = text.substring(start, at);
            Integer value = values.get(word);
            return value != null ? value : Integer.parseInt(word);
        }
    }
}
