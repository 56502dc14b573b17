package org.deltasampling.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class CloseTogetherTest {

    @Test
    void releasesTheLastFirstAndEachOnce() {
        List<String> released = new ArrayList<>();
        CloseTogether owned = new CloseTogether();
        AutoCloseable file = owned.keep(() -> released.add("file"));
        owned.keep(() -> released.add("weights of it"));
        assertThat(file).isNotNull();
        assertThat(released).isEmpty();
        owned.close();
        owned.close();
        assertThat(released).containsExactly("weights of it", "file");
    }
}
