package org.deltasampling.recipe;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.IntStream;
import org.deltasampling.delta.LambdaSchedule;
import org.deltasampling.file.PathText;
import org.deltasampling.model.ModelOverrides;
import org.deltasampling.tensor.Device;
import org.deltasampling.tensor.PixelSize;
import org.deltasampling.tensor.Precision;
import org.jspecify.annotations.Nullable;

/**
 * Everything that determines an image. The command line's options, a recipe file and the text in a PNG are three ways to
 * write one of these. Its paths are absolute: relative ones are resolved against the working directory when it is made.
 *
 * @param target the model that makes the image
 * @param deltas what it takes over from other models, added up in order; none is plain text-to-image
 * @param preset which variant of the method is meant
 */
public record Recipe(Role target, List<Delta> deltas, Sampling sampling, Output output, Preset preset) {

    public Recipe {
        deltas = List.copyOf(deltas);
        require(target.model != null, "the recipe names no target model: give target.model (--target)");
    }

    /** Plain text-to-image with {@code model}, sampled with {@link Sampling#DEFAULT}. */
    public static Recipe of(Path model, String prompt) {
        return new Recipe(Role.of(model).with(prompt), List.of(), Sampling.DEFAULT, Output.NONE, Preset.DEFAULT);
    }

    /** The same with one more delta. */
    public Recipe plus(Delta delta) {
        List<Delta> more = new ArrayList<>(deltas);
        more.add(delta);
        return new Recipe(target, more, sampling, output, preset);
    }

    /** The same with other sampling. */
    public Recipe with(Sampling other) {
        return new Recipe(target, deltas, other, output, preset);
    }

    /** The same with other output. */
    public Recipe with(Output other) {
        return new Recipe(target, deltas, sampling, other, preset);
    }

    /** The same with another preset. */
    public Recipe with(Preset other) {
        return new Recipe(target, deltas, sampling, output, other);
    }

    private Recipe alone(int index) {
        return with(sampling.seed(sampling.seed + index).batch(1));
    }

    /** The recipes of this batch's images, each to be made alone: image i has seed + i. */
    public List<Recipe> singles() {
        return IntStream.range(0, sampling.batch).mapToObj(this::alone).toList();
    }

    /**
     * One model in its part.
     *
     * @param model folder or safetensors file; null only for an adapted model: the source's
     * @param prompt null: the target's
     * @param negative null: the target's
     * @param adapters low-rank adapters, applied in order
     * @param files that stand in for the model's own; of an adapted model the source's, where it names none
     * @param device where its networks compute; null: the processor, for an adapted model where the source's do
     */
    public record Role(
            @Nullable Path model,
            @Nullable String prompt,
            @Nullable String negative,
            List<Lora> adapters,
            ModelOverrides files,
            @Nullable Device device) {

        /** The source's own model: where an adapted role starts. */
        public static final Role SAME = new Role(null, null, null, List.of());

        public Role {
            model = model == null ? null : absolute(model);
            adapters = List.copyOf(adapters);
        }

        /** With its model's own files, on the processor. */
        public Role(@Nullable Path model, @Nullable String prompt, @Nullable String negative, List<Lora> adapters) {
            this(model, prompt, negative, adapters, ModelOverrides.NONE, null);
        }

        public static Role of(Path model) {
            return new Role(model, null, null, List.of());
        }

        /** The same with a prompt of its own. */
        public Role with(String ownPrompt) {
            return new Role(model, ownPrompt, negative, adapters, files, device);
        }

        /** The same with a negative prompt of its own. */
        public Role without(String ownNegative) {
            return new Role(model, prompt, ownNegative, adapters, files, device);
        }

        /** The same with one more adapter. */
        public Role plus(Lora adapter) {
            List<Lora> more = new ArrayList<>(adapters);
            more.add(adapter);
            return new Role(model, prompt, negative, more, files, device);
        }

        /** The same with files that stand in for its model's own. */
        public Role with(ModelOverrides others) {
            return new Role(model, prompt, negative, adapters, others, device);
        }

        /** The same elsewhere. */
        public Role on(Device other) {
            return new Role(model, prompt, negative, adapters, files, other);
        }
    }

    /** A low-rank adapter file, in kohya or PEFT spelling, and its weight. */
    public record Lora(Path file, double weight) {

        public Lora {
            file = absolute(file);
            require(Double.isFinite(weight), "the weight of " + file + " is no finite number");
        }

        /** Reads FILE or FILE:WEIGHT; a ':' of the file's own, as in C:\\ink.safetensors, begins no weight. */
        public static Lora parse(String text, Path folder) {
            int colon = text.lastIndexOf(':');
            boolean drive = colon == 1 && text.matches("[A-Za-z]:[\\\\/].*");
            if (colon < 0 || drive || Files.exists(PathText.parse(text, folder))) {
                return new Lora(PathText.parse(text, folder), 1);
            }
            String weight = text.substring(colon + 1);
            try {
                return new Lora(PathText.parse(text.substring(0, colon), folder), Double.parseDouble(weight));
            } catch (NumberFormatException e) {
                throw new BadRecipeException("--lora " + text + ": the weight '" + weight + "' is no number", e);
            }
        }
    }

    /**
     * How latents and differences go between the source and the target.
     *
     * @param file of a fitted bridge, else null
     */
    public record Bridge(Kind kind, @Nullable Path file) {

        /** The best that needs nothing but the models. */
        public static final Bridge AUTO = of(Kind.AUTO);

        private static final String ENDING = ".safetensors";

        /** The ways there are. */
        public enum Kind {
            /** The best that needs nothing but the models. */
            AUTO,
            /** The latents are the same. */
            IDENTITY,
            /** They are the same in the autoencoders' own units: the authors' way. */
            UNSCALED,
            /** By their published colours. */
            COLOURS,
            /** By decoding and encoding images. */
            ROUND_TRIP,
            /** By a file that 'bridge fit' made. */
            FITTED
        }

        public Bridge {
            require((kind == Kind.FITTED) == (file != null), "a fitted bridge, and no other, is in a file");
            file = file == null ? null : absolute(file);
        }

        /** One that needs no file. */
        public static Bridge of(Kind kind) {
            return new Bridge(kind, null);
        }

        /** One that 'bridge fit' made. */
        public static Bridge of(Path file) {
            return new Bridge(Kind.FITTED, file);
        }

        /** Reads a name, or the name of a fitted bridge's file, which ends in .safetensors. */
        public static Bridge parse(String text, Path folder) {
            if (text.toLowerCase(Locale.ROOT).endsWith(ENDING)) {
                return of(PathText.parse(text, folder));
            }
            List<Kind> named = Arrays.stream(Kind.values())
                    .filter(kind -> kind != Kind.FITTED)
                    .toList();
            return of(Names.choose("bridge", text, named, Names::of));
        }

        @Override
        public String toString() {
            return file == null ? Names.of(kind) : file.toString();
        }
    }

    /** What becomes of a difference at noise levels that the source does not know. */
    public enum Levels {
        /** There is none: the better one for styles. */
        SKIP,
        /** The source is asked at the nearest level it knows: the better one for structure. */
        CLAMP,
        /** The last one is taken again. */
        HOLD
    }

    /** What becomes of a difference at levels that the source does not know, by name. */
    public static Levels levels(String name) {
        return Names.choose("level policy", name, List.of(Levels.values()), Names::of);
    }

    /**
     * One difference to take over: adapted minus source, times lambda.
     *
     * @param bridge between their latents
     * @param levels what to do at noise levels that the source does not know
     * @param sourceSize of the image as the source sees it; null: the target's
     */
    public record Delta(
            Role source,
            Role adapted,
            LambdaSchedule lambda,
            Bridge bridge,
            Levels levels,
            @Nullable PixelSize sourceSize) {

        private static final LambdaSchedule ONE = LambdaSchedule.constant(1);

        public Delta {
            require(source.model != null, "a delta names no source model: give deltas[].source.model (--source)");
            boolean same = (adapted.model == null || adapted.model.equals(source.model))
                    && adapted.adapters.equals(source.adapters)
                    && Objects.equals(adapted.prompt, source.prompt)
                    && Objects.equals(adapted.negative, source.negative);
            require(
                    !same,
                    "the source has no adapted model to differ from: give it a model, an adapter or a prompt of its"
                            + " own (--adapted, --lora, --adapted-prompt)");
            require(
                    Double.isFinite(lambda.value()) && Double.isFinite(lambda.start()) && Double.isFinite(lambda.end()),
                    "lambda and its start and end factors must be finite numbers");
        }

        /** By the usual bridge, with the usual level policy, at the target's size. */
        public Delta(Role source, Role adapted, LambdaSchedule lambda) {
            this(source, adapted, lambda, Bridge.AUTO, Levels.SKIP, null);
        }

        /** What {@code lora} changes in {@code source}, at full strength. */
        public static Delta of(Path source, Lora lora) {
            return new Delta(Role.of(source), Role.SAME.plus(lora), ONE);
        }

        /** What distinguishes the fine-tuned model {@code adapted} from {@code source}, at full strength. */
        public static Delta of(Path source, Path adapted) {
            return new Delta(Role.of(source), Role.of(adapted), ONE);
        }

        /** The same at another strength. */
        public Delta times(double value) {
            LambdaSchedule other = new LambdaSchedule(value, lambda.shape(), lambda.start(), lambda.end());
            return new Delta(source, adapted, other, bridge, levels, sourceSize);
        }

        /** The same by another bridge. */
        public Delta by(Bridge other) {
            return new Delta(source, adapted, lambda, other, levels, sourceSize);
        }

        /** The same with another level policy. */
        public Delta with(Levels policy) {
            return new Delta(source, adapted, lambda, bridge, policy, sourceSize);
        }

        /** The same with a source that sees the image at a size of its own. */
        public Delta at(PixelSize size) {
            return new Delta(source, adapted, lambda, bridge, levels, size);
        }

        /** The adapted role with what it takes over from the source where it says nothing: files and device. */
        public Role adaptedRole() {
            return new Role(
                    adapted.model,
                    adapted.prompt,
                    adapted.negative,
                    adapted.adapters,
                    adapted.files.or(source.files),
                    adapted.device == null ? source.device : adapted.device);
        }

        /** The adapted role's model: its own, else the source's. */
        public Path adaptedModel() {
            return Objects.requireNonNull(adapted.model == null ? source.model : adapted.model);
        }
    }

    /**
     * How the target is sampled.
     *
     * @param schedule null: what the model's scheduler config says, else the sampler's usual one
     * @param cfg guidance scale of every role; 1 is no guidance
     * @param seed of the start noise; image i of a batch uses seed + i
     * @param size null: the size that the target was trained at, or the noise's
     * @param noise start noise of unit variance to use instead of the seed's
     */
    public record Sampling(
            String sampler,
            @Nullable String schedule,
            int steps,
            double cfg,
            long seed,
            @Nullable PixelSize size,
            int batch,
            Precision precision,
            @Nullable TensorFile noise) {

        public static final Sampling DEFAULT =
                new Sampling("euler", null, 20, 7.5, 0, null, 1, Precision.FLOAT32, null);

        public Sampling {
            require(steps >= 1, "the number of steps must be at least 1, not " + steps);
            require(Double.isFinite(cfg), "the guidance scale cfg must be a finite number");
            require(batch >= 1, "a batch has at least 1 image, not " + batch);
            require(
                    batch == 1 || noise == null,
                    "start noise from a file is for one image: leave out the batch or the noise");
        }

        public Sampling sampler(String name) {
            return new Sampling(name, schedule, steps, cfg, seed, size, batch, precision, noise);
        }

        public Sampling schedule(String name) {
            return new Sampling(sampler, name, steps, cfg, seed, size, batch, precision, noise);
        }

        public Sampling steps(int count) {
            return new Sampling(sampler, schedule, count, cfg, seed, size, batch, precision, noise);
        }

        public Sampling cfg(double scale) {
            return new Sampling(sampler, schedule, steps, scale, seed, size, batch, precision, noise);
        }

        public Sampling seed(long value) {
            return new Sampling(sampler, schedule, steps, cfg, value, size, batch, precision, noise);
        }

        public Sampling size(int width, int height) {
            return new Sampling(
                    sampler, schedule, steps, cfg, seed, new PixelSize(width, height), batch, precision, noise);
        }

        public Sampling batch(int images) {
            return new Sampling(sampler, schedule, steps, cfg, seed, size, images, precision, noise);
        }

        public Sampling precision(Precision format) {
            return new Sampling(sampler, schedule, steps, cfg, seed, size, batch, format, noise);
        }

        public Sampling noise(TensorFile file) {
            return new Sampling(sampler, schedule, steps, cfg, seed, size, batch, precision, file);
        }
    }

    /** The size of an image that {@code text} says in the form WIDTHxHEIGHT. */
    public static PixelSize size(String text) {
        return PixelSize.parse(text)
                .orElseThrow(() -> new BadRecipeException(
                        "the size '" + text + "' is not of the form WIDTHxHEIGHT, such as 512x512"));
    }

    /** A tensor in a safetensors file, written FILE#KEY; the key may be left out where the file holds one tensor. */
    public record TensorFile(Path file, @Nullable String key) {

        public TensorFile {
            file = absolute(file);
        }

        /** Reads FILE or FILE#KEY; a '#' that is part of an existing file's name is the file's. */
        public static TensorFile parse(String text, Path folder) {
            int hash = text.lastIndexOf('#');
            Path whole = PathText.parse(text, folder);
            if (hash < 0 || Files.exists(whole)) {
                return new TensorFile(whole, null);
            }
            return new TensorFile(PathText.parse(text.substring(0, hash), folder), text.substring(hash + 1));
        }

        @Override
        public String toString() {
            return key == null ? file.toString() : file + "#" + key;
        }
    }

    /** Where the results go; null: nowhere. */
    public record Output(@Nullable Path image, @Nullable Path latents) {

        public static final Output NONE = new Output(null, null);

        public Output {
            image = image == null ? null : absolute(image);
            latents = latents == null ? null : absolute(latents);
        }
    }

    /** Which variant of the method, by name. */
    public static Preset preset(String name) {
        return Names.choose("preset", name, List.of(Preset.values()), Names::of);
    }

    /** The precision that networks compute in, by name: float32 or bfloat16. */
    public static Precision precision(String name) {
        return Names.choose("precision", name, List.of(Precision.FLOAT32, Precision.BFLOAT16), Names::of);
    }

    /** Which variant of the method. */
    public enum Preset {
        /** The default: what science.md 2.4 and 9 found best. */
        DEFAULT,
        /** The authors' own sampler, exactly. */
        REFERENCE
    }

    /** Where networks compute, by name: cpu, cuda, or a certain GPU, cuda:1. */
    public static Device device(String name) {
        try {
            return Device.parse(name);
        } catch (IllegalArgumentException e) {
            throw new BadRecipeException("the device '" + name + "' is not known; there are cpu, cuda and cuda:N", e);
        }
    }

    private static Path absolute(Path path) {
        return path.toAbsolutePath().normalize();
    }

    private static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new BadRecipeException(otherwise);
        }
    }
}
