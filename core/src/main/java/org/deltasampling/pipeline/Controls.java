package org.deltasampling.pipeline;

import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;
import org.deltasampling.image.ControlImages;
import org.deltasampling.model.Backbone;
import org.deltasampling.model.Conditioning;
import org.deltasampling.model.Control;
import org.deltasampling.model.Residuals;
import org.deltasampling.model.ipadapter.IpAdapter;
import org.deltasampling.recipe.Recipe;
import org.deltasampling.tensor.ImageTensor;

/** The controls and image prompts of one role in one trajectory, as wrappers of its denoising network. */
final class Controls {

    /** What acts in some steps. */
    private record Acting(Control control, Recipe.Control settings) {}

    /** Image prompts, in their order, and when they act. */
    private record Prompted(IpAdapter.Prompts prompts, Recipe.Span span) {}

    private final List<Acting> all = new ArrayList<>();
    private final List<Prompted> prompted = new ArrayList<>();
    private final UnaryOperator<Backbone> onConditional;
    private final StepClock clock;

    /**
     * Those of {@code role}, whose networks are loaded; what they make of their images is owned by the caller's region.
     */
    Controls(PlannedRole role, StepClock clock) {
        this.clock = clock;
        onConditional = network -> with(network, all);
        for (PlannedControl planned : role.controls()) {
            Recipe.Control settings = planned.control();
            ControlModel model = planned.model();
            Tensor image = ControlImages.read(settings.image(), settings.from(), planned.size());
            Control control = model.network()
                    .control(
                            model.device().to(image),
                            role.model().latentSpace(),
                            pixels -> role.model()
                                    .autoencoder()
                                    .network()
                                    .encode(new ImageTensor(pixels))
                                    .mean()
                                    .tensor());
            all.add(new Acting(control, settings));
        }
        for (PlannedImagePrompt planned : role.imagePrompts()) {
            Recipe.IpAdapter settings = planned.prompt();
            prompted.add(new Prompted(planned.model().prompts(settings.images(), settings.weight()), settings.span()));
        }
    }

    /** The conditional {@code text} with the image prompts. */
    Conditioning conditional(Conditioning text) {
        Conditioning both = text;
        for (Prompted one : prompted) {
            both = both.with(one.prompts.conditional());
        }
        return both;
    }

    /** The unconditional {@code text} with what stands for no image. */
    Conditioning unconditional(Conditioning text) {
        Conditioning both = text;
        for (Prompted one : prompted) {
            both = both.with(one.prompts.unconditional());
        }
        return both;
    }

    /** Wraps a network with all of them. */
    UnaryOperator<Backbone> onConditional() {
        return onConditional;
    }

    /** Wraps a network with those that act on the unconditional prediction too. */
    UnaryOperator<Backbone> onUnconditional() {
        List<Acting> some = all.stream().filter(one -> !one.settings.guess()).toList();
        return some.size() == all.size() ? onConditional : network -> with(network, some);
    }

    private Backbone with(Backbone network, List<Acting> some) {
        return some.isEmpty()
                ? network
                : (x, timesteps, c) -> network.predict(x, timesteps, added(x, timesteps, c, some));
    }

    private boolean acts(Recipe.Span span) {
        return span.holds(clock.index(), clock.count());
    }

    private Conditioning added(Tensor x, Tensor timesteps, Conditioning c, List<Acting> some) {
        Conditioning all = c.withImagePrompts(prompt -> acts(prompted.get(prompt).span));
        for (Acting one : some) {
            Recipe.Control settings = one.settings;
            if (settings.weight() != 0 && acts(settings.span())) {
                Residuals residuals = one.control.residuals(x, timesteps, c, settings.weight());
                all = all.with(settings.guess() ? residuals.rising() : residuals);
            }
        }
        return all;
    }
}
