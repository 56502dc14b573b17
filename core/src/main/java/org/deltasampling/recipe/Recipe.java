package org.deltasampling.recipe;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.deltasampling.delta.LambdaSchedule;
import org.deltasampling.file.Quoted;
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
public record Recipe(Role target, List<Delta> deltas, Sampling sampling, Preset preset) {

    public Recipe {
        deltas = List.copyOf(deltas);
        require(target.model != null, "the recipe names no target model: give target.model");
    }

    /** Plain text-to-image with {@code model}, sampled with {@link Sampling#DEFAULT}. */
    public static Recipe of(Path model, String prompt) {
        return new Recipe(Role.of(model).with(prompt), List.of(), Sampling.DEFAULT, Preset.DEFAULT);
    }

    /** The same with one more delta. */
    public Recipe plus(Delta delta) {
        return new Recipe(target, added(deltas, delta), sampling, preset);
    }

    /** The same with another target. */
    public Recipe with(Role other) {
        return new Recipe(other, deltas, sampling, preset);
    }

    /** The same with other sampling. */
    public Recipe with(Sampling other) {
        return new Recipe(target, deltas, other, preset);
    }

    /** The same with another preset. */
    public Recipe with(Preset other) {
        return new Recipe(target, deltas, sampling, other);
    }

    private Recipe alone(int index) {
        return with(sampling.seed(sampling.seed() + index).batch(1));
    }

    /** The recipes of this batch's images, each to be made alone: image i has seed + i. */
    public List<Recipe> singles() {
        return IntStream.range(0, sampling.batch).mapToObj(this::alone).toList();
    }

    /** Whether nothing but the target's prompts and the seed is another: such images may be sampled in one batch. */
    public boolean isAlike(Recipe other) {
        return withoutPromptsAndSeed().equals(other.withoutPromptsAndSeed());
    }

    private Recipe withoutPromptsAndSeed() {
        return with(target.with((String) null).without(null)).with(sampling.seed(0));
    }

    /** The same with {@code place} applied to every file and folder that it names. */
    public Recipe placed(UnaryOperator<Path> place) {
        List<Delta> others = deltas.stream().map(delta -> delta.placed(place)).toList();
        return new Recipe(target.placed(place), others, sampling.placed(place), preset);
    }

    /** Every file and folder that it names, in the order of the recipe: models, adapters, bridges, noise. */
    public Set<Path> files() {
        Set<Path> files = new LinkedHashSet<>();
        placed(path -> {
            files.add(path);
            return path;
        });
        return files;
    }

    /**
     * One model in its part.
     *
     * @param model folder or safetensors file; null only for an adapted model: the source's
     * @param prompt null: the target's
     * @param negative null: the target's
     * @param adapters applied in order
     * @param overrides what is said of the model beside its files; of an adapted model the source's, where it says nothing
     * @param device where its networks compute; null: the processor, for an adapted model where the source's do
     */
    public record Role(
            @Nullable Path model,
            @Nullable String prompt,
            @Nullable String negative,
            List<Adapter> adapters,
            ModelOverrides overrides,
            @Nullable Device device) {

        /** The source's own model: where an adapted role starts. */
        public static final Role SAME = new Role(null, null, null, List.of());

        public Role {
            model = model == null ? null : absolute(model);
            adapters = List.copyOf(adapters);
        }

        /** With its model's own files, on the processor. */
        public Role(@Nullable Path model, @Nullable String prompt, @Nullable String negative, List<Adapter> adapters) {
            this(model, prompt, negative, adapters, ModelOverrides.NONE, null);
        }

        public static Role of(Path model) {
            return new Role(model, null, null, List.of());
        }

        /** The same with a prompt of its own. */
        public Role with(@Nullable String ownPrompt) {
            return new Role(model, ownPrompt, negative, adapters, overrides, device);
        }

        /** The same with a negative prompt of its own. */
        public Role without(@Nullable String ownNegative) {
            return new Role(model, prompt, ownNegative, adapters, overrides, device);
        }

        /** The same with one more adapter. */
        public Role plus(Adapter adapter) {
            return new Role(model, prompt, negative, added(adapters, adapter), overrides, device);
        }

        /** The same with other things said of its model. */
        public Role with(ModelOverrides others) {
            return new Role(model, prompt, negative, adapters, others, device);
        }

        /** This, and where it says nothing, what {@code other} says. */
        public Role or(Role other) {
            return new Role(
                    model == null ? other.model : model,
                    prompt == null ? other.prompt : prompt,
                    negative == null ? other.negative : negative,
                    adapters.isEmpty() ? other.adapters : adapters,
                    overrides.or(other.overrides),
                    device == null ? other.device : device);
        }

        /** The same on another device. */
        public Role on(Device other) {
            return new Role(model, prompt, negative, adapters, overrides, other);
        }

        private Role placed(UnaryOperator<Path> place) {
            return new Role(
                    model == null ? null : place.apply(model),
                    prompt,
                    negative,
                    adapters.stream().map(adapter -> adapter.placed(place)).toList(),
                    new ModelOverrides(
                            overrides.vae() == null ? null : place.apply(overrides.vae()),
                            overrides.t5Tokenizer() == null ? null : place.apply(overrides.t5Tokenizer()),
                            overrides.prediction(),
                            overrides.zeroSnr(),
                            overrides.scheduler()),
                    device);
        }
    }

    /** A file that changes what a model does. */
    public sealed interface Adapter permits Lora, Embedding, Control, IpAdapter {

        Path file();

        /** The same with {@code place} applied to every file and folder that it names. */
        Adapter placed(UnaryOperator<Path> place);

        /** Every file and folder that it names. */
        default List<Path> files() {
            List<Path> files = new ArrayList<>();
            placed(path -> {
                files.add(path);
                return path;
            });
            return files;
        }
    }

    /** A low-rank adapter file, in kohya's or PEFT's format, and its weight. */
    public record Lora(Path file, double weight) implements Adapter {

        public Lora {
            file = absolute(file);
            requireNumber("the weight of the LoRA " + Quoted.of(file.toString()), weight);
        }

        @Override
        public Lora placed(UnaryOperator<Path> place) {
            return new Lora(place.apply(file), weight);
        }
    }

    /**
     * A word with vectors of its own for the text encoders (textual inversion).
     *
     * @param token the word in prompts; null: as the file says, else its name without the ending
     */
    public record Embedding(Path file, @Nullable String token) implements Adapter {

        public Embedding {
            file = absolute(file);
            require(token == null || !token.isBlank(), "an embedding's token must not be empty");
        }

        @Override
        public Embedding placed(UnaryOperator<Path> place) {
            return new Embedding(place.apply(file), token);
        }
    }

    /**
     * A network beside the model that an image steers it by.
     *
     * @param file the network: a diffusers folder or one file
     * @param image of any size
     * @param from what is made of the image first
     * @param weight 1 as the network was trained
     * @param span of the steps in which it acts
     * @param guess whether it acts on the conditional prediction alone, less on fine details (guess mode)
     */
    public record Control(Network kind, Path file, Path image, From from, double weight, Span span, boolean guess)
            implements Adapter {

        /** The kinds there are. */
        public enum Network {
            CONTROLNET,
            T2I_ADAPTER
        }

        /** What the network reads. */
        public enum From {
            /** The image itself. */
            IMAGE,
            /** Its edges, white on black. */
            CANNY,
            /** Its brightness. */
            GREY,
            /** The image without its details. */
            BLUR
        }

        public Control {
            file = absolute(file);
            image = absolute(image);
            requireNumber("the weight of " + Quoted.of(file.toString()), weight);
            require(
                    !guess || kind == Network.CONTROLNET,
                    "a T2I-Adapter has no guess mode: leave out guess, or give a ControlNet");
        }

        @Override
        public Control placed(UnaryOperator<Path> place) {
            return new Control(kind, place.apply(file), place.apply(image), from, weight, span, guess);
        }
    }

    /**
     * Images as a prompt beside the text (IP-Adapter).
     *
     * @param encoder the image encoder that the adapter was made for: a folder or a file
     * @param images of any size, at least one
     * @param weight 1 as the adapter was trained
     * @param span of the steps in which it acts
     */
    public record IpAdapter(Path file, Path encoder, List<Path> images, double weight, Span span) implements Adapter {

        public IpAdapter {
            file = absolute(file);
            encoder = absolute(encoder);
            images = images.stream().map(Recipe::absolute).toList();
            require(!images.isEmpty(), "an IP-Adapter needs an image: give the adapter's image");
            requireNumber("the weight of " + Quoted.of(file.toString()), weight);
        }

        @Override
        public IpAdapter placed(UnaryOperator<Path> place) {
            return new IpAdapter(
                    place.apply(file),
                    place.apply(encoder),
                    images.stream().map(place).toList(),
                    weight,
                    span);
        }
    }

    /**
     * A part of the steps: those that lie within it whole.
     *
     * @param start,end as shares of all steps, 0 to 1
     */
    public record Span(double start, double end) {

        public static final Span ALL = new Span(0, 1);

        public Span {
            require(
                    start >= 0 && start < end && end <= 1,
                    "an adapter acts from start to end, shares of all steps from 0 to 1: %s and %s are none"
                            .formatted(start, end));
        }

        /** Whether step {@code index} of {@code count} is within it. */
        public boolean holds(int index, int count) {
            return (double) index / count >= start && (double) (index + 1) / count <= end;
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

        private Bridge placed(UnaryOperator<Path> place) {
            return file == null ? this : of(place.apply(file));
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
            require(source.model != null, "a delta names no source model: give deltas[].source.model");
            boolean same = adapted.model == null
                    && adapted.adapters.isEmpty()
                    && adapted.prompt == null
                    && adapted.negative == null;
            require(
                    !same,
                    "the source has no adapted model to differ from: give deltas[].adapted.model,"
                            + " deltas[].adapted.adapters or deltas[].adapted.prompt");
            requireNumber("lambda", lambda.value());
            requireNumber("the first factor of lambda's schedule, times lambda,", lambda.value() * lambda.start());
            requireNumber("the last factor of lambda's schedule, times lambda,", lambda.value() * lambda.end());
        }

        /** By the usual bridge, with the usual level policy, at the target's size. */
        public Delta(Role source, Role adapted, LambdaSchedule lambda) {
            this(source, adapted, lambda, Bridge.AUTO, Levels.SKIP, null);
        }

        /** What {@code adapter} changes in {@code source}, at full strength. */
        public static Delta of(Path source, Adapter adapter) {
            return new Delta(Role.of(source), Role.SAME.plus(adapter), ONE);
        }

        /** What distinguishes the fine-tuned model {@code adapted} from {@code source}, at full strength. */
        public static Delta of(Path source, Path adapted) {
            return new Delta(Role.of(source), Role.of(adapted), ONE);
        }

        /** The same at another strength. */
        public Delta lambda(double value) {
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

        private Delta placed(UnaryOperator<Path> place) {
            return new Delta(
                    source.placed(place), adapted.placed(place), lambda, bridge.placed(place), levels, sourceSize);
        }

        /** The adapted role with what it takes over from the source where it says nothing: overrides and device. */
        public Role adaptedRole() {
            return new Role(
                    adapted.model,
                    adapted.prompt,
                    adapted.negative,
                    adapted.adapters,
                    adapted.overrides.or(source.overrides),
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
     * @param cfg guidance scale of every role; 1 is no guidance
     * @param batch how many images; image i starts from seed + i
     * @param precision of the denoising networks
     */
    public record Sampling(Method method, Start start, double cfg, int batch, Precision precision) {

        public static final Sampling DEFAULT =
                new Sampling(new Method("euler", null, 20), new Start(0, null, null), 7.5, 1, Precision.FLOAT32);

        /**
         * How noise becomes an image.
         *
         * @param schedule null: what the model's scheduler config says, else the sampler's usual one
         */
        public record Method(String sampler, @Nullable String schedule, int steps) {

            public Method {
                require(steps >= 1, "sampling.steps must be at least 1, not " + steps);
            }
        }

        /**
         * The noise that becomes the image.
         *
         * @param seed of the noise: any 64 bits, read as unsigned
         * @param size of the image; null: the size that the target was trained at, or the noise's
         * @param noise of unit variance, to use instead of the seed's
         */
        public record Start(
                long seed,
                @Nullable PixelSize size,
                @Nullable TensorFile noise) {

            /** More than this is more than an array of red, green and blue can hold. */
            private static final long MOST_PIXELS = Integer.MAX_VALUE / 3;

            public Start {
                require(
                        size == null || (long) size.width() * size.height() <= MOST_PIXELS,
                        "sampling.size %s is too large: an image has at most %d pixels".formatted(size, MOST_PIXELS));
            }
        }

        public Sampling {
            requireNumber("sampling.cfg", cfg);
            require(batch >= 1, "sampling.batch must be at least 1, not " + batch);
            require(
                    batch == 1 || start.noise == null,
                    "start noise from a file is for one image: leave out sampling.batch or sampling.noise");
        }

        public String sampler() {
            return method.sampler;
        }

        public @Nullable String schedule() {
            return method.schedule;
        }

        public int steps() {
            return method.steps;
        }

        public long seed() {
            return start.seed;
        }

        public @Nullable PixelSize size() {
            return start.size;
        }

        public @Nullable TensorFile noise() {
            return start.noise;
        }

        private Sampling with(Method other) {
            return new Sampling(other, start, cfg, batch, precision);
        }

        private Sampling with(Start other) {
            return new Sampling(method, other, cfg, batch, precision);
        }

        public Sampling sampler(String name) {
            return with(new Method(name, method.schedule, method.steps));
        }

        public Sampling schedule(String name) {
            return with(new Method(method.sampler, name, method.steps));
        }

        public Sampling steps(int count) {
            return with(new Method(method.sampler, method.schedule, count));
        }

        public Sampling seed(long value) {
            return with(new Start(value, start.size, start.noise));
        }

        public Sampling size(int width, int height) {
            return with(new Start(start.seed, new PixelSize(width, height), start.noise));
        }

        public Sampling noise(TensorFile file) {
            return with(new Start(start.seed, start.size, file));
        }

        public Sampling cfg(double scale) {
            return new Sampling(method, start, scale, batch, precision);
        }

        public Sampling batch(int images) {
            return new Sampling(method, start, cfg, images, precision);
        }

        public Sampling precision(Precision format) {
            return new Sampling(method, start, cfg, batch, format);
        }

        private Sampling placed(UnaryOperator<Path> place) {
            return start.noise == null ? this : noise(new TensorFile(place.apply(start.noise.file), start.noise.key));
        }
    }

    /** A tensor in a safetensors file; the key may be left out where the file holds one tensor. */
    public record TensorFile(Path file, @Nullable String key) {

        public TensorFile {
            file = absolute(file);
        }
    }

    /** Which variant of the method. */
    public enum Preset {
        /** The default: what the experiments found best. */
        DEFAULT,
        /** The authors' own sampler, exactly. */
        REFERENCE
    }

    private static <T> List<T> added(List<T> all, T one) {
        List<T> more = new ArrayList<>(all);
        more.add(one);
        return more;
    }

    private static Path absolute(Path path) {
        return path.toAbsolutePath().normalize();
    }

    /** Networks compute in float32 at most. */
    private static void requireNumber(String what, double value) {
        require(
                Math.abs(value) <= Float.MAX_VALUE, // false for NaN too
                "%s must be a finite number that float32 can hold, not %s".formatted(what, value));
    }

    private static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new BadRecipeException(otherwise);
        }
    }
}
