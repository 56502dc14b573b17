package org.deltasampling;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class VersionTest {

    @Test
    void theBuildFillsInTheVersionOfThePom() {
        assertThat(Version.current()).matches("\\d+\\.\\d+\\.\\d+(-\\w+)?");
    }
}
