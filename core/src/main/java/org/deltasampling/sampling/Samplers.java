package org.deltasampling.sampling;

import static org.deltasampling.sampling.SamplerDescriptor.Sigmas.BY_NAME;
import static org.deltasampling.sampling.SamplerDescriptor.Sigmas.NONE;
import static org.deltasampling.sampling.SamplerDescriptor.Sigmas.OF_CONFIG;
import static org.deltasampling.sampling.SamplerDescriptor.Sigmas.OF_CONFIG_WITH_LU;

import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.deltasampling.diffusion.BadSamplingException;
import org.deltasampling.diffusion.NoiseSchedule;
import org.deltasampling.diffusion.Parameterization;
import org.deltasampling.diffusion.SchedulerConfig;
import org.deltasampling.diffusion.Spacing;
import org.deltasampling.diffusion.TimestepGrid;
import org.deltasampling.sampling.SamplerDescriptor.Diffusers;
import org.deltasampling.sampling.SamplerDescriptor.Flow;
import org.deltasampling.sampling.SamplerDescriptor.Normal;

/** The table of samplers: a new one is a file of its own and a row here, or a row added by whoever {@link #with brings} it. */
public record Samplers(List<SamplerDescriptor> rows) {

    /** The samplers of this library. */
    public static final Samplers BUILT_IN = new Samplers(List.of(
            new SamplerDescriptor(
                    "ddim",
                    new Diffusers(
                            TimestepGrid.WHOLE,
                            Spacing.LEADING,
                            BY_NAME,
                            config -> config.end().setAlphaToOne(true),
                            Samplers::ddim,
                            Set.of("thresholding")),
                    new Normal((config, steps) -> new Euler(), levels -> levels),
                    new Flow(config -> new Euler(), NoiseSchedule::flow)),
            new SamplerDescriptor(
                    "euler",
                    new Diffusers(
                            TimestepGrid.FRACTIONAL,
                            Spacing.LINSPACE,
                            OF_CONFIG,
                            config -> !config.end().finalSigmaMin(),
                            config -> new Euler(),
                            Set.of("interpolation_type", "timestep_type", "stochastic_sampling")),
                    null,
                    new Flow(config -> new Euler(), NoiseSchedule::flow)),
            new SamplerDescriptor(
                    "euler-ancestral",
                    new Diffusers(
                            TimestepGrid.FRACTIONAL,
                            Spacing.LINSPACE,
                            BY_NAME,
                            config -> true,
                            config -> new EulerAncestral(),
                            Set.of()),
                    null,
                    new Flow(config -> new EulerAncestral(), NoiseSchedule::flow)),
            new SamplerDescriptor(
                    "heun",
                    new Diffusers(
                            TimestepGrid.FRACTIONAL,
                            Spacing.LINSPACE,
                            OF_CONFIG,
                            config -> true,
                            Samplers::heun,
                            Set.of()),
                    null,
                    new Flow(config -> Heun.OF_VELOCITIES, NoiseSchedule::flow)),
            new SamplerDescriptor(
                    "dpmpp-2m",
                    new Diffusers(
                            TimestepGrid.OPEN,
                            Spacing.LINSPACE,
                            OF_CONFIG_WITH_LU,
                            config -> !config.end().finalSigmaMin(),
                            DpmPlusPlus::of,
                            Set.of("algorithm_type", "lambda_min_clipped", "thresholding", "variance_type")),
                    null,
                    new Flow(DpmPlusPlus::of, NoiseSchedule::flowForDpmSolver)),
            new SamplerDescriptor(
                    "unipc",
                    new Diffusers(
                            TimestepGrid.OPEN,
                            Spacing.LINSPACE,
                            OF_CONFIG,
                            config -> !config.end().finalSigmaMin(),
                            UniPc::of,
                            Set.of("predict_x0", "solver_p", "thresholding")),
                    new Normal((config, steps) -> UniPc.ofComfyUi(steps), NoiseSchedule::withoutPenultimate),
                    new Flow(UniPc::of, NoiseSchedule::flowForUniPc)),
            new SamplerDescriptor(
                    "lms",
                    new Diffusers(
                            TimestepGrid.FRACTIONAL,
                            Spacing.LINSPACE,
                            OF_CONFIG,
                            config -> true,
                            config -> LinearMultistep.lms(),
                            Set.of()),
                    new Normal((config, steps) -> LinearMultistep.lmsOfComfyUi(), levels -> levels),
                    null),
            new SamplerDescriptor(
                    "pndm",
                    new Diffusers(
                            TimestepGrid.WHOLE,
                            Spacing.LEADING,
                            NONE,
                            config -> config.end().setAlphaToOne(false),
                            Samplers::pndm,
                            Set.of()),
                    null,
                    null),
            new SamplerDescriptor(
                    "deis",
                    new Diffusers(
                            TimestepGrid.OPEN,
                            Spacing.LINSPACE,
                            OF_CONFIG,
                            config -> false,
                            config -> LinearMultistep.deis(
                                    config.solver().order(), config.solver().lowerOrderFinal()),
                            Set.of("thresholding")),
                    null,
                    null)));

    public Samplers {
        rows = List.copyOf(rows);
    }

    /** These and one more. */
    public Samplers with(SamplerDescriptor row) {
        return new Samplers(Stream.concat(rows.stream(), Stream.of(row)).toList());
    }

    /** The names of all. */
    public List<String> names() {
        return rows.stream().map(SamplerDescriptor::name).toList();
    }

    /** The names of those that go with flow models. */
    List<String> namesForFlows() {
        return rows.stream()
                .filter(row -> row.flow() != null)
                .map(SamplerDescriptor::name)
                .toList();
    }

    /**
     * The sampler of that name.
     *
     * @throws BadSamplingException naming all there are if it is not among them
     */
    SamplerDescriptor named(String name) {
        return rows.stream()
                .filter(row -> row.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new BadSamplingException("there is no sampler %s: give one of %s"
                        .formatted(BadSamplingException.quoted(name), String.join(", ", names()))));
    }

    private static Sampler ddim(SchedulerConfig config) {
        return config.clipping().range(true).<Sampler>map(ClippedDdim::new).orElseGet(Euler::new);
    }

    private static Sampler heun(SchedulerConfig config) {
        return config.clipping()
                .range(false)
                .<Sampler>map(range -> new ClippedDenoised(Heun.OF_NOISES, range))
                .orElse(Heun.OF_NOISES);
    }

    private static Sampler pndm(SchedulerConfig config) {
        if (config.parameterization() == Parameterization.SAMPLE) {
            throw new BadSamplingException(
                    "pndm is not for models that predict the sample, prediction_type sample: give another sampler");
        }
        return new Pndm(config.parameterization(), config.solver().skipPrkSteps() ? null : config.diffusion());
    }
}
