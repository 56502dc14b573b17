package org.deltasampling;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;

/** The version of this library. */
public final class Version {

    private static final String CURRENT = read();

    private Version() {}

    /** The version in the POM, such as {@code 0.1.0}; {@code development} for classes that were not built by Maven. */
    public static String current() {
        return CURRENT;
    }

    private static String read() {
        Properties properties = new Properties();
        try (InputStream in = Version.class.getResourceAsStream("version.properties")) {
            if (in != null) {
                properties.load(in);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        String version = properties.getProperty("version", "$");
        return version.startsWith("$") ? "development" : version;
    }
}
