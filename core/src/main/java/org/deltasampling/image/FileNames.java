package org.deltasampling.image;

import java.nio.file.Path;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.deltasampling.file.PathText;
import org.deltasampling.file.Quoted;
import org.deltasampling.recipe.BadRecipeException;
import org.deltasampling.recipe.Recipe;

/**
 * The names that an image's text gives to files and folders: the last part of their paths, after a number where two folders would
 * give the same name. What is read from a folder has that folder's name before its own; what was read beside a file, only its own.
 */
final class FileNames {

    /** An absolute path of some system, which images carried once: /models/a, C:\models\a, \\server\a. */
    private static final Pattern ROOT = Pattern.compile("(?:[A-Za-z]:[\\\\/]|[\\\\/])[\\\\/]*");

    /** Where files are that only look like ordinary ones, and may never end. */
    private static final Pattern SYSTEM = Pattern.compile("/(?:dev|proc|sys)(?:/.*)?");

    private final Set<Path> references;
    private final Map<Path, String> prefixes = new LinkedHashMap<>();

    /** Of what {@code recipe} names, and of the {@code files} that were read. */
    FileNames(Recipe recipe, Collection<Path> files) {
        references = recipe.files();
        Map<Path, Set<String>> inFolders = new LinkedHashMap<>();
        for (Path reference : references) {
            inFolders
                    .computeIfAbsent(folder(reference), f -> new LinkedHashSet<>())
                    .add(last(reference));
        }
        for (Path file : files) {
            besides(file, inFolders.keySet())
                    .ifPresent(folder -> inFolders
                            .computeIfAbsent(folder, f -> new LinkedHashSet<>())
                            .add(joined("", folder.relativize(file))));
        }
        Set<String> taken = new HashSet<>();
        inFolders.forEach((folder, names) -> {
            String prefix = "";
            for (int i = 2; names.stream().map(prefix::concat).anyMatch(taken::contains); i++) {
                prefix = i + "/";
            }
            prefixes.put(folder, prefix);
            names.stream().map(prefix::concat).forEach(taken::add);
        });
    }

    /** Of a file or folder that the recipe names. */
    String of(Path reference) {
        return prefixes.getOrDefault(folder(reference), "") + last(reference);
    }

    /** Of a file that was read: one under each reference that holds it, else the one beside a reference. */
    List<String> all(Path file) {
        List<String> names = references.stream()
                .filter(file::startsWith)
                .map(reference -> joined(of(reference), reference.relativize(file)))
                .toList();
        return besides(file, prefixes.keySet())
                .map(folder -> List.of(joined(prefixes.getOrDefault(folder, ""), folder.relativize(file))))
                .orElse(names);
    }

    /** The nearest of {@code folders} that {@code file} is in, where no reference holds it. */
    private Optional<Path> besides(Path file, Collection<Path> folders) {
        return references.stream().anyMatch(file::startsWith)
                ? Optional.empty()
                : folders.stream().filter(file::startsWith).max(Comparator.comparingInt(Path::getNameCount));
    }

    private static Path folder(Path reference) {
        return Objects.requireNonNullElse(reference.getParent(), reference);
    }

    private static String last(Path reference) {
        return String.valueOf(reference.getFileName());
    }

    /** With slashes, whatever the system writes between the parts. */
    private static String joined(String before, Path rest) {
        StringBuilder all = new StringBuilder(before);
        for (Path part : rest) {
            if (!all.isEmpty() && !part.toString().isEmpty() && all.charAt(all.length() - 1) != '/') {
                all.append('/');
            }
            all.append(part);
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
        Path path = PathText.parse(name, Path.of("")).normalize();
        boolean shared = root.end() > 1 && !Character.isLetter(name.charAt(0)); // reading it would call another machine
        if (!path.isAbsolute() || shared) {
            return inside(name.substring(root.end()).replace('\\', '/'), folder);
        }
        if (path.getFileName() == null || SYSTEM.matcher(path.toString()).matches()) {
            throw notAName(name);
        }
        return path;
    }

    private static Path inside(String name, Path folder) {
        Path path = PathText.parse(name, Path.of(""));
        boolean plain = !name.isEmpty() && path.getRoot() == null && path.equals(path.normalize());
        if (!plain || path.startsWith("..")) {
            throw notAName(name);
        }
        return folder.resolve(path);
    }

    private static BadRecipeException notAName(String name) {
        return new BadRecipeException("'%s' is not the name of a file".formatted(Quoted.of(name)));
    }
}
