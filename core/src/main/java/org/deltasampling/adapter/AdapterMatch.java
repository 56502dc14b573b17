package org.deltasampling.adapter;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.deltasampling.adapter.AdapterFit.Unmatched;
import org.deltasampling.adapter.AdapterKeys.Group;
import org.deltasampling.adapter.ModuleIndex.Target;
import org.deltasampling.file.Quoted;
import org.deltasampling.model.Architecture;
import org.deltasampling.model.Checkpoint;
import org.deltasampling.weights.BadWeightsException;
import org.deltasampling.weights.WeightCheck;

/** What one model can take of an adapter file; filled group by group. */
final class AdapterMatch {

    private static final int EXAMPLES = 5;

    private final ModuleIndex index;
    private final Map<String, Map<String, WeightChange>> changes = new LinkedHashMap<>();
    private final List<String> missing = new ArrayList<>();
    private final List<String> unused = new ArrayList<>();
    private final List<String> shapeMismatches = new ArrayList<>();
    private final Map<String, List<String>> lacking = new TreeMap<>();
    private final Map<String, List<String>> refused = new LinkedHashMap<>();
    private final List<String> empty = new ArrayList<>();
    private int groups;
    private int fitting;

    AdapterMatch(ModuleIndex index) {
        this.index = index;
    }

    void add(Group group, AdapterModule module) {
        groups++;
        List<Target> targets = index.find(group.module(), group.kind().parameter());
        Optional<String> lacks = targets.isEmpty() ? index.lacking(group.module()) : Optional.empty();
        if (lacks.isPresent()) {
            lacking.computeIfAbsent(lacks.get(), what -> new ArrayList<>()).add(group.module());
        } else if (targets.isEmpty()) {
            unused.add(group.name());
        } else if (!group.missing().isEmpty()) {
            missing.add("%s of %s".formatted(String.join(" and ", group.missing()), Quoted.of(group.module())));
        } else if (module.lacksElements(group.kind().roles().signs())) {
            empty.add(group.module());
            fitting++;
        } else {
            addChanges(group, module, targets);
        }
    }

    private void addChanges(Group group, AdapterModule module, List<Target> targets) {
        long[] whole = targets.get(0).whole();
        for (Target target : targets) {
            WeightChange change = group.kind().reader().read(module, target);
            if (!change.fits(whole)) {
                shapeMismatches.add("%s has %s for a tensor %s"
                        .formatted(Quoted.of(group.module()), module.shapes(), Arrays.toString(whole)));
                return;
            }
            Map<String, WeightChange> part = changes.computeIfAbsent(target.part(), name -> new LinkedHashMap<>());
            if (part.put(target.weight(), change) != null) {
                unused.add(group.module() + ", which changes what another layer changes");
            }
        }
        fitting++;
    }

    /** A tensor that is of no kind. */
    void addUnrecognised(String tensor) {
        unused.add(tensor);
    }

    /** A group that cannot be applied, and why. */
    void addRefused(Group group, String reason) {
        refused.computeIfAbsent(reason, message -> new ArrayList<>()).add(group.module());
    }

    /** How much of the file the model takes. */
    AdapterFit fit() {
        List<Unmatched> unmatched = new ArrayList<>();
        lacking.forEach((what, modules) -> addUnmatched(unmatched, "the model has no " + what, modules));
        addUnmatched(unmatched, "not part of the model", unused);
        addUnmatched(unmatched, "incomplete", missing);
        addUnmatched(unmatched, "of another shape", shapeMismatches);
        addUnmatched(unmatched, "of rank 0", empty);
        refused.forEach((reason, modules) -> addUnmatched(unmatched, reason, modules));
        return new AdapterFit(groups, fitting - empty.size(), unmatched);
    }

    private static void addUnmatched(List<Unmatched> unmatched, String reason, List<String> modules) {
        if (!modules.isEmpty()) {
            List<String> examples =
                    modules.stream().limit(EXAMPLES).map(Quoted::of).toList();
            unmatched.add(new Unmatched(reason, modules.size(), examples));
        }
    }

    /**
     * What the file does to {@code model}.
     *
     * @throws BadWeightsException if it does not fit
     */
    Adaptation adaptation(Path path, AdapterSummary summary, Checkpoint model) {
        WeightCheck check = new WeightCheck(missing, WeightCheck.hinted(unused, index::hint), shapeMismatches);
        if (!check.passed()) {
            throw new BadWeightsException("%s: %s".formatted(verdict(path, summary, model), check.faults()));
        }
        if (changes.isEmpty()) {
            throw new BadWeightsException("%s changes nothing in %s, a %s: %s"
                    .formatted(path, model.path(), model.architecture().title(), String.join("; ", leftOut())));
        }
        Map<String, WeightChanges> adapters = new LinkedHashMap<>();
        changes.forEach((part, weights) -> adapters.put(part, WeightChanges.of(path.toString(), weights)));
        return new Adaptation(
                adapters,
                RoleAdapter.NONE,
                leftOut().stream().map(what -> path + ": " + what).toList());
    }

    /** What is wrong, in few words; the details come after it. */
    private String verdict(Path path, AdapterSummary summary, Checkpoint model) {
        String family = model.architecture().title();
        long width = summary.contextWidth();
        long needed = model.network().config().contextWidth();
        if (width > 0 && width != needed) {
            return "%s is for another family of models than %s, a %s: the text that it reads is %d wide%s, not %d"
                    .formatted(
                            path,
                            model.path(),
                            family,
                            width,
                            Architecture.ofContextWidth(width)
                                    .map(of -> ", as in " + of.title())
                                    .orElse(""),
                            needed);
        }
        if (fitting == 0) {
            return "%s is not for %s, a %s: none of its %d layers fits".formatted(path, model.path(), family, groups);
        }
        return "%s does not fit %s, a %s: only %d of its %d layers do"
                .formatted(path, model.path(), family, fitting, groups);
    }

    private List<String> leftOut() {
        List<String> leftOut = new ArrayList<>();
        lacking.forEach((what, modules) -> leftOut.add("%s left out, since the model has no %s"
                .formatted(modules.size() == 1 ? "1 layer is" : modules.size() + " layers are", what)));
        if (!empty.isEmpty()) {
            leftOut.add(
                    empty.size() == 1
                            ? "1 layer of rank 0 changes nothing"
                            : empty.size() + " layers of rank 0 change nothing");
        }
        return leftOut;
    }
}
