package org.deltasampling.image;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.deltasampling.DeltaSamplingException;
import org.deltasampling.file.BadFileException;
import org.deltasampling.file.FileHashes;
import org.deltasampling.file.Quoted;
import org.deltasampling.recipe.BadRecipeException;
import org.deltasampling.recipe.Recipe;
import org.deltasampling.recipe.RecipeFile;

/**
 * Where an image comes from: what its PNG says of itself. The text in it has the names of files, not where they were; as it is
 * read, each stands for a path in the image's folder, and {@link #find} turns these into the files.
 *
 * @param recipe of this image alone
 * @param files that were read to make it
 */
public record Provenance(Recipe recipe, SortedMap<Path, Fingerprint> files) {

    private static final ObjectMapper JSON = new ObjectMapper();

    public Provenance {
        files = Collections.unmodifiableSortedMap(new TreeMap<>(files));
    }

    /**
     * Of an image that was just made from {@code files}.
     *
     * @throws BadFileException if one of them has gone
     */
    public static Provenance of(Recipe recipe, Collection<Path> files, FileHashes hashes) {
        SortedMap<Path, Fingerprint> all = new TreeMap<>();
        for (Path file : files) {
            try {
                all.put(file, new Fingerprint(hashes.of(file), Files.size(file)));
            } catch (IOException e) {
                throw new BadFileException("the model file " + file + " is gone or cannot be read", e);
            }
        }
        return new Provenance(recipe, all);
    }

    /** Whether {@code file} is a PNG: what {@link #read} reads. */
    public static boolean isImage(Path file) {
        try {
            return Png.isPng(file);
        } catch (IOException e) {
            throw new BadFileException(file + " cannot be read: " + Quoted.of(String.valueOf(e.getMessage())), e);
        }
    }

    /**
     * What the PNG {@code file} says of itself; nothing but that text is read of it.
     *
     * @throws BadRecipeException if it carries no recipe
     */
    public static Provenance read(Path file) {
        try {
            String text = Png.readText(file)
                    .orElseThrow(() -> new BadRecipeException(
                            "it carries no recipe: it was not made by this program, or was saved again by another"));
            return parse(JSON.readTree(text), file.toAbsolutePath().normalize().resolveSibling(""));
        } catch (DeltaSamplingException e) {
            throw new BadRecipeException(file + ": " + e.getMessage(), e);
        } catch (JsonProcessingException e) {
            throw new BadRecipeException(file + ": the recipe that it carries is damaged", e);
        } catch (IOException e) {
            throw new BadRecipeException(
                    file + " cannot be read as a PNG: " + Quoted.of(String.valueOf(e.getMessage())), e);
        }
    }

    private static Provenance parse(JsonNode tree, Path folder) {
        SortedMap<Path, Fingerprint> files = new TreeMap<>();
        for (Map.Entry<String, JsonNode> file : tree.path("files").properties()) {
            JsonNode value = file.getValue(); // once, the hash alone
            String hash = value.path("sha256").asText(value.asText());
            if (!hash.matches("[0-9a-f]{64}")) {
                throw new BadRecipeException("the recipe that it carries is damaged: %s is not a SHA-256 of %s"
                        .formatted(Quoted.of(hash), Quoted.of(file.getKey())));
            }
            files.put(
                    FileNames.path(file.getKey(), folder),
                    new Fingerprint(hash, value.path("bytes").asLong(-1)));
        }
        return new Provenance(RecipeFile.recipe(tree.path("recipe"), name -> FileNames.path(name, folder)), files);
    }

    String toJson() {
        FileNames names = new FileNames(recipe, files.keySet());
        ObjectNode top = JSON.createObjectNode();
        top.set("recipe", RecipeFile.tree(recipe, names::of));
        ObjectNode all = top.putObject("files");
        files.forEach((file, fingerprint) -> names.all(file)
                .forEach(name ->
                        all.putObject(name).put("sha256", fingerprint.sha256()).put("bytes", fingerprint.bytes())));
        try {
            return JSON.writeValueAsString(top);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /** {@link #find(Recipe, Collection, Set, FileHashes)} of the image's own recipe. */
    public Recipe find(Collection<Path> folders, FileHashes hashes) {
        return find(recipe, folders, Set.of(), hashes);
    }

    /**
     * {@code changed}, which was made from this image's recipe, with the image's files where they are now: each has the hash that
     * the image says.
     *
     * @param folders to look in, and below them
     * @param named what the changed recipe names itself, whatever its hash is
     * @param hashes what is known already, and kept
     * @throws BadRecipeException naming the first file that has changed or is not found
     */
    public Recipe find(Recipe changed, Collection<Path> folders, Set<Path> named, FileHashes hashes) {
        FileFinder finder = new FileFinder(folders, hashes);
        Map<Path, Path> found = new HashMap<>();
        Set<Path> own = recipe.files();
        for (Path reference : changed.files()) {
            if (own.contains(reference) && !named.contains(reference)) {
                found.put(reference, finder.find(reference, in(reference)));
            }
        }
        if (found.keySet().containsAll(own)) {
            files.forEach((file, fingerprint) -> beside(file, fingerprint, found, finder));
        }
        return changed.placed(path -> found.getOrDefault(path, path));
    }

    /** The files of a reference, by their paths in it. */
    private Map<Path, Fingerprint> in(Path reference) {
        Map<Path, Fingerprint> members = new TreeMap<>();
        files.forEach((file, fingerprint) -> {
            if (file.startsWith(reference)) {
                members.put(reference.relativize(file), fingerprint);
            }
        });
        return members;
    }

    /** A file that no reference holds was read beside one of them, and must be beside it now. */
    private static void beside(Path file, Fingerprint fingerprint, Map<Path, Path> found, FileFinder finder) {
        if (found.keySet().stream().anyMatch(file::startsWith)) {
            return;
        }
        String problem = finder.missing(String.valueOf(file.getFileName()), fingerprint);
        for (Map.Entry<Path, Path> reference : found.entrySet()) {
            Path folder = reference.getKey().resolveSibling("");
            Path now = reference.getValue().resolveSibling("");
            if (file.startsWith(folder)) {
                Path expected = now.resolve(folder.relativize(file));
                String own = finder.problem(expected, Map.of(Path.of(""), fingerprint))
                        .orElse(null);
                if (own == null) {
                    return;
                }
                problem = Files.exists(expected) ? own : problem;
            }
        }
        throw new BadRecipeException(problem);
    }
}
