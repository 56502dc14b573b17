package org.deltasampling.generate;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Where a picture comes from: the text that its PNG carries.
 *
 * @param recipe of this picture alone, with absolute paths
 * @param files each model file that was read, and its SHA-256 in hexadecimal
 */
public record Provenance(Recipe recipe, SortedMap<Path, String> files) {

    private static final ObjectMapper JSON = new ObjectMapper();

    public Provenance {
        files = Collections.unmodifiableSortedMap(new TreeMap<>(files));
    }

    /**
     * What {@code png} says of itself.
     *
     * @throws BadRecipeException if it carries no recipe
     */
    public static Provenance readFrom(Path png) {
        try {
            String text = Png.readText(png);
            if (text == null) {
                throw new BadRecipeException(
                        png + " carries no recipe: it was not made, or was saved again, elsewhere");
            }
            return parse(text, png);
        } catch (JsonProcessingException e) {
            throw new BadRecipeException(png + " carries a recipe that cannot be read", e);
        } catch (IOException e) {
            throw new BadRecipeException(png + " is no whole PNG: " + e.getMessage(), e);
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

    /**
     * Checks that this picture's model files are what they were.
     *
     * @param now the files that a new picture would read
     * @throws BadRecipeException naming the first one that has changed or gone
     */
    public void verify(FileHashes now) {
        files.forEach((file, hash) -> {
            String current = now.of(file);
            if (!hash.equals(current)) {
                throw new BadRecipeException(
                        "%s is not the file that the picture was made with (SHA-256 %.12s then, %.12s now);"
                                        .formatted(file, hash, current)
                                + " put the old one back, or name the model again on the command line to go on");
            }
        });
    }
}
