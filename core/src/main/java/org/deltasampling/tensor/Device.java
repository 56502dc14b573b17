package org.deltasampling.tensor;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Where a network computes: on the processor, or on a GPU. What passes between networks is always in the processor's memory.
 *
 * @param gpu whether it is a GPU
 * @param number which one
 */
public record Device(boolean gpu, int number) {

    /** The processor. */
    public static final Device CPU = new Device(false, 0);

    private static final Pattern FORM = Pattern.compile("(?:cpu|cuda(?::(\\d{1,2}))?)");

    /**
     * Reads cpu, cuda:N, or cuda, which is the first GPU.
     *
     * @throws IllegalArgumentException if it is none of these
     */
    public static Device parse(String text) {
        Matcher form = FORM.matcher(text.strip());
        if (!form.matches()) {
            throw new IllegalArgumentException("there is no device " + text);
        }
        return new Device(form.group().startsWith("cuda"), form.group(1) == null ? 0 : Integer.parseInt(form.group(1)));
    }

    /** Why it cannot be used here, as the end of a sentence; empty if it can. */
    public Optional<String> problem() {
        if (!gpu) {
            return Optional.empty();
        }
        if (Device.class.getResource("/org/bytedeco/pytorch/" + Loader.getPlatform() + "-gpu/") == null) {
            return Optional.of(
                    "this build has no CUDA in it: build it with ./mvnw -Pcuda (see the README), or use device: cpu");
        }
        NativeLibraries.load();
        if (!torch.cuda_is_available()) {
            return Optional.of("CUDA finds no GPU on this machine: use device: cpu");
        }
        int count = torch.cuda_device_count();
        return number < count
                ? Optional.empty()
                : Optional.of(
                        "CUDA finds %d GPU here, numbered from 0: use device: cuda:%d".formatted(count, count - 1));
    }

    /** {@code tensor} in the memory of this device; itself if it is there. */
    public Tensor to(Tensor tensor) {
        if (!gpu && !tensor.is_cuda()) {
            return tensor;
        }
        return TensorScope.scopedTensor(
                () -> tensor.to(new org.bytedeco.pytorch.Device(toString()), tensor.scalar_type()));
    }

    @Override
    public String toString() {
        return gpu ? "cuda:" + number : "cpu";
    }
}
