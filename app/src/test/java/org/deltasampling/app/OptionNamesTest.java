package org.deltasampling.app;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

final class OptionNamesTest {

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "give target.model                          | give target.model (--target)",
                "deltas[0].source.model: no                 | deltas[0].source.model (--source): no",
                "deltas[].adapted.adapters or target.vae    | deltas[].adapted.adapters (--lora) or target.vae (--vae)",
                "sampling.steps must be 1.                  | sampling.steps (--steps) must be 1.",
                "leave out preset: reference                | leave out preset: reference (--preset)",
                "give the folder that it is in              | give the folder that it is in (--models)",
                "target.modle, my/target.model, target.model.bak | target.modle, my/target.model, target.model.bak",
                "the target is a model with a prompt        | the target is a model with a prompt",
            })
    void aKeyIsFollowedByItsOption(String sentence, String with) {
        assertThat(OptionNames.added(sentence)).isEqualTo(with);
    }

    /** Every option that is ever added is one of generate's. */
    @Test
    void theOptionsExist() {
        CommandLine generate = new CommandLine(new GenerateCommand());
        assertThat(OptionNames.options())
                .extracting(option -> option.replaceFirst(" .*", ""))
                .allMatch(generate.getCommandSpec().optionsMap()::containsKey);
    }
}
