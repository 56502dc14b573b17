package org.deltasampling;

import static org.assertj.core.api.Assertions.assertThat;

import org.deltasampling.tensor.TensorScope;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;

/** {@code @ExtendWith(NoLeaks.class)}: each test leaves as many live native objects as it found. */
public final class NoLeaks implements BeforeEachCallback, AfterEachCallback {

    private static final Namespace STORE = Namespace.create(NoLeaks.class);

    @Override
    public void beforeEach(ExtensionContext context) {
        try (TensorScope scope = TensorScope.open()) {
            // whatever loading libtorch leaves for the collector ends here, not in the first test
        }
        context.getStore(STORE).put("live", TensorScope.liveObjects());
    }

    @Override
    public void afterEach(ExtensionContext context) {
        assertThat(TensorScope.liveObjects())
                .as("live native objects after the test, against before it")
                .isEqualTo(context.getStore(STORE).get("live", Long.class));
    }
}
