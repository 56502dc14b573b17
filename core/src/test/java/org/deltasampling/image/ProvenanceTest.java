package org.deltasampling.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.deltasampling.file.FileHashes;
import org.deltasampling.model.ModelOverrides;
import org.deltasampling.recipe.BadRecipeException;
import org.deltasampling.recipe.Recipe;
import org.deltasampling.recipe.Recipe.Delta;
import org.deltasampling.recipe.Recipe.Lora;
import org.deltasampling.recipe.Recipe.Role;
import org.deltasampling.recipe.Recipe.TensorFile;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ProvenanceTest {

    private static final String HASH = "0123456789abcdef".repeat(4);

    @TempDir
    Path folder;

    private Path models;
    private Path images;
    private Recipe recipe;

    /** A single file with another beside it, a folder, and two adapters of the same name. */
    @BeforeEach
    void makeFiles() throws IOException {
        models = Files.createDirectories(folder.resolve("models"));
        images = Files.createDirectories(folder.resolve("images"));
        recipe = Recipe.of(file("sd3\u00e9.safetensors"), "a cat: asleep")
                .plus(Delta.of(models.resolve("sd15"), new Lora(file("a/ink.safetensors"), 0.5)))
                .plus(Delta.of(models.resolve("sd15"), new Lora(file("b/ink.safetensors"), 0.5)));
        recipe = recipe.with(recipe.sampling().noise(new TensorFile(file("noise.safetensors"), "in.latents")));
        file("sd15/unet/weights.safetensors");
        file("sd15/unet/config.json");
        file("clip_l.safetensors");
    }

    private Path file(String name) throws IOException {
        Path file = models.resolve(name);
        Files.createDirectories(file.getParent());
        return Files.writeString(file, "contents of " + name);
    }

    private static Provenance provenance(Recipe recipe, Path models) throws IOException {
        try (Stream<Path> files = Files.walk(models)) {
            return Provenance.of(recipe, files.filter(Files::isRegularFile).toList(), new FileHashes());
        }
    }

    private Path image(String json) throws IOException {
        BufferedImage image = new BufferedImage(3, 2, BufferedImage.TYPE_INT_RGB);
        return Files.write(images.resolve("p.png"), Png.encode(image, json, ""));
    }

    private Path image() throws IOException {
        return image(provenance(recipe, models).toJson());
    }

    private static Recipe find(Provenance image, Path... folders) {
        return image.find(List.of(folders), new FileHashes());
    }

    private static void refused(Provenance image, Path where, String... says) {
        assertThatThrownBy(() -> find(image, where))
                .isInstanceOf(BadRecipeException.class)
                .hasMessageContainingAll(says)
                .hasMessageNotContaining("\n");
    }

    @Test
    void anImageCarriesNamesAndHashesAndNoPlaces() throws IOException {
        Provenance made = provenance(recipe, models);
        assertThat(made.toJson())
                .doesNotContain(folder.toString())
                .contains("\"sd3\u00e9.safetensors\":{\"sha256\":\"")
                .contains("\"sd15/unet/config.json\"")
                .contains("\"clip_l.safetensors\"")
                .contains("\"noise\":\"noise.safetensors#in.latents\"")
                .contains("\"ink.safetensors\"")
                .contains("\"2/ink.safetensors\"");
        Provenance read = Provenance.read(image());
        assertThat(read.files())
                .hasSize(7)
                .allSatisfy((file, hash) -> assertThat(file.startsWith(images)).isTrue());
        assertThat(read.recipe().target().prompt()).isEqualTo("a cat: asleep");
        assertThat(find(read, models)).isEqualTo(recipe);
        assertThat(provenance(find(read, models), models)).isEqualTo(made);
    }

    @Test
    void filesAreFoundWhereverTheyAre() throws IOException {
        Provenance read = Provenance.read(image());
        Path moved = Files.createDirectories(folder.resolve("new")).resolve("deep/down");
        Files.createDirectories(moved.getParent());
        Files.move(models, moved);
        assertThat(find(read, folder)).isEqualTo(recipe.placed(path -> moved.resolve(models.relativize(path))));
    }

    @Test
    void renamedFilesAreFoundByWhatTheyHold() throws IOException {
        Provenance read = Provenance.read(image());
        Files.move(models.resolve("sd3\u00e9.safetensors"), models.resolve("other.safetensors"));
        Files.move(models.resolve("sd15"), models.resolve("base"));
        file("decoy/sd3\u00e9.safetensors");
        Recipe found = find(read, models);
        assertThat(found.target().model()).isEqualTo(models.resolve("other.safetensors"));
        assertThat(found.deltas().get(0).source().model()).isEqualTo(models.resolve("base"));
    }

    @Test
    void whatHasChangedOrGoneIsNamed() throws IOException {
        Provenance read = Provenance.read(image());
        Path config = models.resolve("sd15/unet/config.json");
        String before = Files.readString(config);
        Files.writeString(config, before.replace('c', 'k'));
        refused(read, models, config.toString(), "SHA-256");
        Files.writeString(config, before + " ");
        refused(read, models, config.toString(), "SHA-256", "bytes");
        Files.writeString(config, before);
        Files.delete(models.resolve("b/ink.safetensors"));
        Files.delete(models.resolve("a/ink.safetensors"));
        refused(read, models, "ink.safetensors (SHA-256 ", "is not in " + models + " or below: give the folder");
        file("a/ink.safetensors");
        file("b/ink.safetensors");
        Files.delete(models.resolve("clip_l.safetensors"));
        refused(read, models, "clip_l.safetensors (SHA-256 ", "give the folder");
        Files.writeString(models.resolve("clip_l.safetensors"), "another");
        refused(read, models, "clip_l.safetensors", "is not the file");
    }

    @Test
    void whatTheChangedRecipeNamesItselfIsTakenAsItIs() throws IOException {
        Provenance read = Provenance.read(image());
        Files.delete(models.resolve("sd3\u00e9.safetensors"));
        Files.delete(models.resolve("clip_l.safetensors"));
        Path other = images.resolve("sd3\u00e9.safetensors"); // just where the image's own would stand
        Recipe changed = read.recipe().with(Role.of(other));
        Recipe found = read.find(changed, List.of(models), Set.of(other), new FileHashes());
        assertThat(found.target().model()).isEqualTo(other);
        assertThat(found.deltas()).isEqualTo(recipe.deltas());
    }

    @Test
    void filesBesideTwoModelsAreToldApart() throws IOException {
        recipe = Recipe.of(models.resolve("sd3\u00e9.safetensors"), "")
                .plus(Delta.of(file("c/sd35.safetensors"), new Lora(models.resolve("a/ink.safetensors"), 1)));
        Path other = file("c/clip_l.safetensors");
        Provenance read = Provenance.read(image());
        assertThat(find(read, models)).isEqualTo(recipe);
        Files.writeString(other, Files.readString(other).replace('c', 'k'));
        refused(read, models, other.toString(), "is not the file");
    }

    @Test
    void whatStandsInForAPartIsFoundToo() throws IOException {
        recipe = recipe.with(recipe.target().with(new ModelOverrides(models.resolve("sd15/unet"), file("t5.model"))));
        Provenance read = Provenance.read(image());
        assertThat(find(read, models)).isEqualTo(recipe);
    }

    /** As images were written before they had names: absolute paths and hashes without sizes. */
    @Test
    void anOldImageIsReadWhereItsFilesAre() throws IOException {
        FileHashes hashes = new FileHashes();
        Path model = models.resolve("sd15");
        Path config = model.resolve("unet/config.json");
        String json = """
                {"recipe": {"target": {"model": "%s", "prompt": "a"}, "sampling": {"seed": -5},
                 "output": {"picture": "/etc/passwd"}}, "files": {"%s": "%s"}}\
                """.formatted(model, config, hashes.of(config));
        Provenance read = Provenance.read(image(json));
        assertThat(read.recipe().sampling().seed()).isEqualTo(-5);
        assertThat(find(read, images).target().model()).isEqualTo(model);
        Path moved = Files.move(model, images.resolve("sd15"));
        assertThat(find(read, images).target().model()).isEqualTo(moved);
        Files.writeString(moved.resolve("unet/config.json"), "another");
        refused(read, images, "config.json", "SHA-256");
    }

    @Test
    void anOldImageOfAnotherSystemIsReadByItsNames() throws IOException {
        String hash = new FileHashes().of(models.resolve("a/ink.safetensors"));
        String json = """
                {"recipe": {"target": {"model": "C:\\\\models\\\\ink.safetensors"}},
                 "files": {"C:\\\\models\\\\ink.safetensors": "%s"}}\
                """.formatted(hash);
        assertThat(find(Provenance.read(image(json)), models).target().model())
                .isEqualTo(models.resolve("a/ink.safetensors"));
    }

    @Test
    void nothingIsTakenWithoutItsHash() throws IOException {
        Provenance read = Provenance.read(
                image("{\"recipe\": {\"target\": {\"model\": \"%s\"}}}".formatted(models.resolve("sd15"))));
        refused(read, models, "does not say the hash of sd15");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"../x", "a/../../x", "a/..", ".", "", "a//b/./c", "/", "/..", "/proc/kcore", "/a/../dev/zero"})
    void aNameLeadsNowhereElse(String name) {
        assertThatThrownBy(() -> FileNames.path(name, images))
                .isInstanceOf(BadRecipeException.class)
                .hasMessageContaining("is not the name of a file");
    }

    @Test
    void aNameThatWouldCallAnotherMachineIsAName() {
        assertThat(FileNames.path("//server/share/x", images)).isEqualTo(images.resolve("server/share/x"));
        assertThat(FileNames.path("\\\\server\\share\\x", images)).isEqualTo(images.resolve("server/share/x"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{",
                "[]",
                "{}",
                "{\"recipe\": {\"target\": {\"model\": \"a\\u0000b\"}}}",
                "{\"recipe\": {\"target\": {\"model\": \"m\"}}, \"files\": {\"m\": \"short\"}}",
                "{\"recipe\": {\"target\": {\"model\": \"m\"}}, \"files\": {\"../m\": \"0000000000000000000000000000000000000000000000000000000000000000\"}}",
                "{\"recipe\": {\"target\": {\"model\": \"m\", \"moddel\": 1}}}",
            })
    void aDamagedTextIsRefused(String json) {
        assertThatThrownBy(() -> Provenance.read(image(json)))
                .isInstanceOf(BadRecipeException.class)
                .hasMessageStartingWith(images.resolve("p.png").toString())
                .hasMessageNotContaining("\n");
    }

    @Test
    void hashesAreComparedWhole() throws IOException {
        Path model = models.resolve("sd3\u00e9.safetensors");
        String hash = new FileHashes().of(model);
        Provenance other =
                Provenance.read(image("""
                {"recipe": {"target": {"model": "%s"}}, "files": {"%s": "%s"}}\
                """.formatted(model, model, hash.substring(0, 12) + HASH.substring(12))));
        refused(other, models, "is not the file that the image was made with");
    }
}
