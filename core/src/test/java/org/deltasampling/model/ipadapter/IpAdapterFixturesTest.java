package org.deltasampling.model.ipadapter;

import static org.deltasampling.TensorAssert.assertThat;

import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.deltasampling.IpAdapterFixtures;
import org.deltasampling.Kit;
import org.deltasampling.NoLeaks;
import org.deltasampling.model.Backbone;
import org.deltasampling.model.Conditioning;
import org.deltasampling.model.ImagePrompt;
import org.deltasampling.tensor.ImageTensor;
import org.deltasampling.tensor.TensorScope;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Networks under IP-Adapters of every kind against diffusers' answers (resources, {@code ipadapter/make.py}). */
@ExtendWith(NoLeaks.class)
class IpAdapterFixturesTest {

    private static final double WEIGHT = 0.7;

    private static List<ImageTensor> images(String... names) {
        return Stream.of(names).map(IpAdapterFixtures::image).toList();
    }

    /** The unconditional in the first place of the batch, the conditional in the second. */
    private static Tensor predicted(
            Backbone network, String io, float timestep, boolean sizes, IpAdapter.Prompts prompts) {
        Conditioning given = new Conditioning(
                IpAdapterFixtures.tensor(io, "in.text"),
                IpAdapterFixtures.tensor(io, "in.pooled"),
                sizes ? IpAdapterFixtures.tensor(io, "in.sizes") : null);
        ImagePrompt both = prompts.unconditional()
                .combine(
                        prompts.conditional(),
                        (a, b) -> org.bytedeco.pytorch.global.torch.cat(new TensorVector(a, b), 0));
        return network.predict(IpAdapterFixtures.tensor(io, "in.x"), Tensor.create(timestep), given.with(both));
    }

    @ParameterizedTest
    @ValueSource(strings = {"plain", "plus", "full-face"})
    void unetWithTwoImages(String name) {
        try (AdaptedFixture adapted = AdaptedFixture.xl(name);
                TensorScope scope = TensorScope.open()) {
            IpAdapter.Prompts prompts = adapted.adapter().prompts(images("a", "b"), WEIGHT);
            assertThat(predicted(adapted.network(), name, 501, true, prompts))
                    .isCloseTo(IpAdapterFixtures.tensor(name, "out.sample"), Kit.NETWORK);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {900, 250})
    void transformerAtEachTimestep(int timestep) {
        try (AdaptedFixture adapted = AdaptedFixture.sd3();
                TensorScope scope = TensorScope.open()) {
            IpAdapter.Prompts prompts = adapted.adapter().prompts(images("a"), WEIGHT);
            assertThat(predicted(adapted.network(), "timed", timestep == 250 ? 250.5f : timestep, false, prompts))
                    .isCloseTo(IpAdapterFixtures.tensor("timed", "out.sample." + timestep), Kit.NETWORK);
        }
    }
}
