package org.deltasampling.image;

import java.io.IOException;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Collectors;
import org.deltasampling.file.BadFileException;
import org.deltasampling.file.FileHashes;
import org.deltasampling.file.Quoted;
import org.deltasampling.recipe.BadRecipeException;
import org.jspecify.annotations.Nullable;

/** Finds files by what they are, wherever they lie in some folders and below: by their names first, then by their sizes. */
final class FileFinder {

    private static final int DEPTH = 8;
    private static final int MOST = 200_000;

    private final Collection<Path> folders;
    private final FileHashes hashes;
    private @Nullable Map<Path, Long> sizes;
    private boolean complete = true;

    /** In {@code folders}; what {@code hashes} knows is not read again. */
    FileFinder(Collection<Path> folders, FileHashes hashes) {
        this.folders = folders;
        this.hashes = hashes;
    }

    /**
     * Where a file or folder is now.
     *
     * @param reference where it was, by its name
     * @param members its files, by their paths in it; of a file the empty path
     * @throws BadRecipeException if none with these hashes is found
     */
    Path find(Path reference, Map<Path, Fingerprint> members) {
        Map.Entry<Path, Fingerprint> main = main(members)
                .orElseThrow(() -> new BadRecipeException(
                        "the image does not say the hash of %s, which could so be any: name it yourself"
                                .formatted(Quoted.of(String.valueOf(reference.getFileName())))));
        List<String> problems = new ArrayList<>();
        return first(List.of(reference), members, main.getKey(), problems)
                .or(() -> first(named(reference, main.getKey()), members, main.getKey(), problems))
                .or(() -> first(ofSize(main), members, main.getKey(), new ArrayList<>()))
                .orElseThrow(() -> new BadRecipeException(
                        problems.isEmpty()
                                ? missing(String.valueOf(reference.getFileName()), main.getValue())
                                : problems.get(0)));
    }

    /** The largest of them, else one with weights: what a folder is recognised by. */
    private static Optional<Map.Entry<Path, Fingerprint>> main(Map<Path, Fingerprint> members) {
        return members.entrySet().stream()
                .max(Comparator.comparingLong((Map.Entry<Path, Fingerprint> member) ->
                                member.getValue().bytes())
                        .thenComparing(member -> member.getKey().toString().endsWith(".safetensors")));
    }

    /** The first of {@code candidates} with just these members; what is wrong with those before it is added. */
    private Optional<Path> first(
            List<Path> candidates, Map<Path, Fingerprint> members, Path main, List<String> problems) {
        for (Path candidate : candidates) {
            Path file = candidate.resolve(main);
            if (Files.isRegularFile(file) && Files.isReadable(file)) {
                Optional<String> problem = problem(candidate, members);
                if (problem.isEmpty()) {
                    return Optional.of(candidate);
                }
                problems.add(problem.get());
            }
        }
        return Optional.empty();
    }

    /** Of a file that is not where it could be. */
    String missing(String name, Fingerprint file) {
        return "%s (SHA-256 %s) is not in %s%s: give the folder that it is in"
                .formatted(
                        Quoted.of(name),
                        file.brief(),
                        folders.stream().map(Path::toString).collect(Collectors.joining(", ")),
                        complete ? " or below" : " among the first " + MOST + " files");
    }

    /** What is wrong with the files of {@code candidate}: nothing if they are the members. */
    Optional<String> problem(Path candidate, Map<Path, Fingerprint> members) {
        Map<Path, Fingerprint> files = new LinkedHashMap<>();
        members.forEach((path, fingerprint) -> files.put(candidate.resolve(path), fingerprint));
        for (Map.Entry<Path, Fingerprint> file : files.entrySet()) {
            if (!Files.isRegularFile(file.getKey())) {
                return Optional.of(
                        "%s, which the image was made with, is missing: put it back".formatted(file.getKey()));
            }
            long then = file.getValue().bytes();
            long now = size(file.getKey());
            if (then >= 0 && then != now) {
                return Optional.of(changed(
                        file.getKey(),
                        "SHA-256 %s then, and %d bytes where there are %d now"
                                .formatted(file.getValue().brief(), then, now)));
            }
        }
        hashes.begin(files.keySet());
        for (Map.Entry<Path, Fingerprint> file : files.entrySet()) {
            Fingerprint now = new Fingerprint(hashes.of(file.getKey()), -1);
            if (!now.sha256().equals(file.getValue().sha256())) {
                return Optional.of(changed(
                        file.getKey(),
                        "SHA-256 %s then, %s now".formatted(file.getValue().brief(), now.brief())));
            }
        }
        return Optional.empty();
    }

    private static String changed(Path file, String how) {
        return "%s is not the file that the image was made with (%s): put the old one back, or name the model yourself to use it as it is"
                .formatted(file, how);
    }

    private static long size(Path file) {
        try {
            return Files.size(file);
        } catch (IOException e) {
            throw new BadFileException(file + " cannot be read: " + Quoted.of(String.valueOf(e.getMessage())), e);
        }
    }

    /** What has the name of {@code reference} and a file at {@code member}. */
    private List<Path> named(Path reference, Path member) {
        return sizes().keySet().stream()
                .map(file -> without(file, member))
                .filter(Objects::nonNull)
                .filter(candidate -> candidate.endsWith(reference.getFileName()))
                .toList();
    }

    /** What has a file where {@code main} is, and of its size. */
    private List<Path> ofSize(Map.Entry<Path, Fingerprint> main) {
        return sizes().entrySet().stream()
                .filter(file -> file.getValue() == main.getValue().bytes())
                .map(file -> without(file.getKey(), main.getKey()))
                .filter(Objects::nonNull)
                .toList();
    }

    /** The folder in which {@code file} is at {@code member}; the file itself where that is empty; else null. */
    private static @Nullable Path without(Path file, Path member) {
        if (member.toString().isEmpty()) {
            return file;
        }
        if (!file.endsWith(member)) {
            return null;
        }
        Path folder = file;
        for (Path unused : member) {
            folder = folder == null ? null : folder.getParent();
        }
        return folder;
    }

    private Map<Path, Long> sizes() {
        if (sizes == null) {
            Walk walk = new Walk();
            folders.forEach(walk::through);
            sizes = walk.sizes;
            complete = walk.visits < MOST;
        }
        return sizes;
    }

    /** Through folders and what is below them, hidden folders left out, links followed. */
    private static final class Walk extends SimpleFileVisitor<Path> {

        private final Map<Path, Long> sizes = new LinkedHashMap<>();
        private Path root = Path.of("");
        private int visits;

        void through(Path folder) {
            root = folder.toAbsolutePath().normalize();
            try {
                Files.walkFileTree(root, EnumSet.of(FileVisitOption.FOLLOW_LINKS), DEPTH, this);
            } catch (IOException e) {
                throw new BadFileException(
                        "the folder " + folder + " cannot be searched: " + Quoted.of(String.valueOf(e.getMessage())),
                        e);
            }
        }

        private FileVisitResult visited() {
            return ++visits < MOST ? FileVisitResult.CONTINUE : FileVisitResult.TERMINATE;
        }

        @Override
        public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes) {
            boolean hidden =
                    !folder.equals(root) && String.valueOf(folder.getFileName()).startsWith(".");
            return hidden ? FileVisitResult.SKIP_SUBTREE : visited();
        }

        @Override
        public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
            if (attributes.isRegularFile()) {
                sizes.put(file, attributes.size());
            }
            return visited();
        }

        @Override
        public FileVisitResult visitFileFailed(Path file, IOException e) {
            return visited(); // closed to this user, gone, or a circle of links
        }

        @Override
        public FileVisitResult postVisitDirectory(Path folder, @Nullable IOException e) {
            return FileVisitResult.CONTINUE;
        }
    }
}
