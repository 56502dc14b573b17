package org.deltasampling.image;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.deltasampling.file.FileHashes;
import org.deltasampling.recipe.BadRecipeException;
import org.deltasampling.recipe.Recipe;
import org.deltasampling.recipe.RecipeFile;

/**
 * Where an image comes from: the text that its PNG carries.
 *
 * @param recipe of this image alone, with absolute paths
 * @param files each model file that was read, and its SHA-256 in hexadecimal
 */
public record Provenance(Recipe recipe, SortedMap<Path, String> files) {

    private static final ObjectMapper JSON = new ObjectMapper();

    public Provenance {
        files = Collections.unmodifiableSortedMap(new TreeMap<>(files));
    }

    /**
     * A recipe file in YAML or JSON, which has no hashes, or what a PNG says of itself; that recipe's output is
     * NAME-again.png beside it.
     *
     * @throws BadRecipeException if it is neither
     */
    public static Provenance read(Path file) {
        Path absolute = file.toAbsolutePath().normalize();
        try {
            if (Png.isPng(absolute)) {
                Provenance original = readFrom(absolute);
                String name = absolute.getFileName().toString().replaceFirst("(?i)\\.png$", "") + "-again.png";
                Recipe again = original.recipe.with(new Recipe.Output(absolute.resolveSibling(name), null));
                return new Provenance(again, original.files);
            }
            Recipe recipe = RecipeFile.parse(Files.readString(absolute), absolute.resolveSibling(""));
            return new Provenance(recipe, new TreeMap<>());
        } catch (CharacterCodingException e) {
            throw new BadRecipeException(file + " is no recipe: it is neither a text in UTF-8 nor a PNG", e);
        } catch (BadRecipeException e) {
            throw new BadRecipeException(file + ": " + e.getMessage(), e);
        } catch (NoSuchFileException e) {
            throw new BadRecipeException("the recipe " + file + " does not exist", e);
        } catch (IOException e) {
            throw new BadRecipeException("the recipe " + file + " cannot be read: " + e.getMessage(), e);
        }
    }

    /**
     * What {@code png} says of itself.
     *
     * @throws BadRecipeException if it carries no recipe
     */
    static Provenance readFrom(Path png) {
        try {
            String text = Png.readText(png);
            if (text == null) {
                throw new BadRecipeException(
                        "it carries no recipe: it was not made by this program, or was saved again by another");
            }
            return parse(text, png);
        } catch (JsonProcessingException e) {
            throw new BadRecipeException("the recipe that it carries cannot be read", e);
        } catch (IOException e) {
            throw new BadRecipeException("it is no whole PNG: " + e.getMessage(), e);
        }
    }

    private static Provenance parse(String text, Path png) throws JsonProcessingException {
        JsonNode tree = JSON.readTree(text);
        SortedMap<Path, String> files = new TreeMap<>();
        for (Map.Entry<String, JsonNode> file : tree.path("files").properties()) {
            files.put(Path.of(file.getKey()), file.getValue().asText());
        }
        return new Provenance(
                RecipeFile.recipe(tree.path("recipe"), png.toAbsolutePath().resolveSibling("")), files);
    }

    String toJson() {
        ObjectNode top = JSON.createObjectNode();
        top.set("recipe", RecipeFile.tree(recipe));
        ObjectNode hashes = top.putObject("files");
        files.forEach((file, hash) -> hashes.put(file.toString(), hash));
        try {
            return JSON.writeValueAsString(top);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The same, without the hashes of what lies in or under {@code places}. */
    public Provenance without(Set<Path> places) {
        SortedMap<Path, String> others = new TreeMap<>(files);
        others.keySet().removeIf(file -> places.stream().anyMatch(file::startsWith));
        return new Provenance(recipe, others);
    }

    /**
     * Checks that the model files are what they were.
     *
     * @throws BadRecipeException naming the first one that has changed or gone
     */
    public void verify(FileHashes now) {
        now.begin(files.keySet());
        files.forEach((file, hash) -> {
            String current = now.of(file);
            if (!hash.equals(current)) {
                throw new BadRecipeException(
                        "%s is not the file that the image was made with (SHA-256 %.12s then, %.12s now);"
                                        .formatted(file, hash, current)
                                + " put the old one back, or name the model on the command line to use it as it is");
            }
        });
    }
}
