package org.deltasampling.image;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.deltasampling.file.PathText;
import org.deltasampling.file.Quoted;
import org.deltasampling.recipe.BadRecipeException;
import org.deltasampling.recipe.Recipe;

/**
 * The names that an image's text gives to files and folders: the last part of their paths, after a number where two would have the
 * same. What is read from a folder has that folder's name before its own; what was read beside a file, only its own.
 */
final class FileNames {

    /** An absolute path of some system, which images carried once: /models/a, C:\models\a, \\server\a. */
    private static final Pattern ROOT = Pattern.compile("(?:[A-Za-z]:[\\\\/]|[\\\\/])[\\\\/]*");

    private final Map<Path, String> references = new LinkedHashMap<>();

    FileNames(Recipe recipe) {
        Set<String> taken = new HashSet<>();
        for (Path reference : recipe.files()) {
            String name = String.valueOf(reference.getFileName());
            for (int i = 2; !taken.add(name); i++) {
                name = i + "/" + reference.getFileName();
            }
            references.put(reference, name);
        }
    }

    /** Of a file or folder that the recipe names. */
    String of(Path reference) {
        return references.getOrDefault(reference, String.valueOf(reference.getFileName()));
    }

    /** Of a file that was read: one under each reference that it belongs to. */
    List<String> all(Path file) {
        List<String> names = new ArrayList<>();
        references.forEach((reference, name) -> {
            if (file.startsWith(reference)) {
                names.add(joined(name, reference.relativize(file)));
            }
        });
        references.forEach((reference, name) -> {
            Path folder = reference.getParent();
            if (names.isEmpty() && folder != null && file.startsWith(folder)) {
                names.add(joined(name.substring(0, name.lastIndexOf('/') + 1), folder.relativize(file)));
            }
        });
        return names;
    }

    private static String joined(String name, Path rest) {
        StringBuilder all = new StringBuilder(name);
        for (Path part : rest) {
            String between =
                    all.isEmpty() || part.toString().isEmpty() || all.charAt(all.length() - 1) == '/' ? "" : "/";
            all.append(between).append(part);
        }
        return all.toString();
    }

    /**
     * The path that stands for a name in the text of an image in {@code folder}: in that folder, whether it is there or not. An
     * absolute path, as images carried once, is itself where this system knows such paths.
     *
     * @throws BadRecipeException if the name leads elsewhere
     */
    static Path path(String name, Path folder) {
        Matcher root = ROOT.matcher(name);
        if (!root.lookingAt()) {
            return inside(name, folder);
        }
        Path path = PathText.parse(name, Path.of(""));
        boolean shared = root.end() > 1 && !Character.isLetter(name.charAt(0)); // reading it would call another machine
        return path.isAbsolute() && !shared
                ? path.normalize()
                : inside(name.substring(root.end()).replace('\\', '/'), folder);
    }

    private static Path inside(String name, Path folder) {
        Path path = PathText.parse(name, Path.of(""));
        boolean plain = !name.isEmpty() && path.getRoot() == null && path.equals(path.normalize());
        if (!plain || path.startsWith("..")) {
            throw new BadRecipeException("'%s' is not the name of a file".formatted(Quoted.of(name)));
        }
        return folder.resolve(path);
    }
}
