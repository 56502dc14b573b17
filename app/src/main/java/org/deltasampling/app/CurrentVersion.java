package org.deltasampling.app;

import org.deltasampling.Version;
import picocli.CommandLine.IVersionProvider;

/** What {@code --version} prints. */
final class CurrentVersion implements IVersionProvider {

    @Override
    public String[] getVersion() {
        return new String[] {"delta-sampling " + Version.current()};
    }
}
