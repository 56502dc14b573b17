package org.deltasampling.pipeline;

import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One thread that does all the work with native memory, one piece after the other in the order of asking: a region of memory
 * never crosses threads, and libtorch keeps a team of threads for each thread that calls it.
 */
final class Worker {

    /** How often a request that waits for its turn looks whether it is still wanted, in milliseconds. */
    private static final long LOOK = 50;

    private final ExecutorService thread = Executors.newSingleThreadExecutor(task -> {
        Thread worker = new Thread(task, "delta-sampling");
        worker.setDaemon(true);
        return worker;
    });

    private final ThreadLocal<Boolean> inside = ThreadLocal.withInitial(() -> false);

    /**
     * What {@code work} gives, done in its turn; the caller waits. An interrupted caller cancels.
     *
     * @throws CancellationException if it was cancelled
     * @throws IllegalStateException if this is closed, or if a listener asks from within the work itself
     */
    <T> T run(Cancellation cancellation, Supplier<T> work) {
        if (inside.get()) {
            throw new IllegalStateException("a listener cannot ask its own pipeline for an image: use another thread");
        }
        AtomicBoolean begun = new AtomicBoolean();
        Future<T> result = submit(() -> {
            begun.set(true);
            cancellation.check();
            return work.get();
        });
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return result.get(LOOK, TimeUnit.MILLISECONDS);
                } catch (TimeoutException e) {
                    if (cancellation.isCancelled() && !begun.get()) {
                        result.cancel(false); // where it begins just now, it checks by itself
                    }
                } catch (InterruptedException e) {
                    interrupted = true;
                    cancellation.cancel();
                }
            }
        } catch (ExecutionException e) {
            throw rethrown(e.getCause());
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private <T> Future<T> submit(Supplier<T> work) {
        try {
            return thread.submit(() -> {
                inside.set(true);
                return work.get();
            });
        } catch (RejectedExecutionException e) {
            throw new IllegalStateException("this pipeline is closed", e);
        }
    }

    private static RuntimeException rethrown(@Nullable Throwable failure) {
        if (failure instanceof Error error) {
            throw error;
        }
        return failure instanceof RuntimeException unchecked ? unchecked : new IllegalStateException(failure);
    }

    /** Does {@code last} when all that was asked for before is done, and ends the thread; does nothing the second time. */
    void close(Runnable last) {
        if (!thread.isShutdown()) {
            run(new Cancellation(), () -> {
                last.run();
                return true;
            });
            thread.shutdown();
        }
    }
}
