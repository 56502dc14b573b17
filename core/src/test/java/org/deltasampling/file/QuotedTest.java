package org.deltasampling.file;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class QuotedTest {

    @Test
    void namesAreCutAndHoldNothingThatATerminalObeys() {
        assertThat(Quoted.of("conv_in.weight")).isEqualTo("conv_in.weight");
        assertThat(Quoted.of("\u00e9\u732b \ud83d\ude3a")).isEqualTo("\u00e9\u732b \ud83d\ude3a");
        assertThat(Quoted.of("x".repeat(100))).isEqualTo("x".repeat(100));
        assertThat(Quoted.of("x".repeat(20_000))).isEqualTo("x".repeat(100) + "...");
        assertThat(Quoted.of("a\n\u001b[31mb\0")).isEqualTo("a??[31mb?");
    }
}
