package org.deltasampling.pipeline;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;

/** The memory of this machine and of this process in bytes, as far as the system tells; Linux does. */
public final class MachineMemory {

    private static final Path MACHINE = Path.of("/proc/meminfo");
    private static final Path PROCESS = Path.of("/proc/self/status");

    private MachineMemory() {}

    /** What this process may have in all: what it has, and what is free. */
    public static OptionalLong available() {
        OptionalLong free = read(MACHINE, "MemAvailable:");
        long all = read(MACHINE, "MemTotal:").orElse(Long.MAX_VALUE);
        return free.isPresent()
                ? OptionalLong.of(Math.min(all, free.getAsLong() + resident().orElse(0)))
                : free;
    }

    /** What of this process is in memory, mapped files included. */
    public static OptionalLong resident() {
        return read(PROCESS, "VmRSS:");
    }

    /** The most of this process that was in memory since {@link #forgetPeak}, or ever. */
    public static OptionalLong peak() {
        return read(PROCESS, "VmHWM:");
    }

    /** Begins to measure the {@link #peak} anew, where the system can. */
    public static void forgetPeak() {
        try {
            Files.writeString(Path.of("/proc/self/clear_refs"), "5");
        } catch (IOException e) {
            // another system: there is no peak either
        }
    }

    private static OptionalLong read(Path file, String key) {
        try {
            for (String line : Files.readAllLines(file)) {
                if (line.startsWith(key)) {
                    return OptionalLong.of(Long.parseLong(line.replaceAll("\\D", "")) * 1024);
                }
            }
        } catch (IOException e) {
            // another system: there is no such file
        }
        return OptionalLong.empty();
    }
}
