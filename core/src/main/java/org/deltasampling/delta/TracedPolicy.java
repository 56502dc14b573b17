package org.deltasampling.delta;

import java.util.Optional;

/** A policy that tells what it adds. */
public record TracedPolicy(DeltaPolicy policy, DeltaListener listener) implements DeltaPolicy {

    @Override
    public Optional<Weighted> added(Evaluation at) {
        Optional<Weighted> added = policy.added(at);
        added.ifPresent(weighted -> listener.added(at.level(), weighted.lambda(), weighted.delta(), at.denoised()));
        return added;
    }

    @Override
    public void close() {
        policy.close();
    }
}
