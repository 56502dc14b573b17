package org.deltasampling.weights;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.tensor.TensorScope;

/** How a tensor changes form between a file and a model: a closed list. */
sealed interface Transform {

    /** Whether a tensor of shape {@code file} can be changed so; all shapes, where nothing else is said. */
    default boolean takes(long[] file) {
        return true;
    }

    /** The shape in the model of a tensor that has a shape that this {@link #takes} in the file. */
    long[] shape(long[] file);

    /** The model's tensor, a view where possible; of a shape that this {@link #takes}. */
    Tensor read(Tensor file);

    /** The file's tensor, made of the model's ones that share it, in order. */
    Tensor write(List<Tensor> model);

    /** As it is. */
    record Keep() implements Transform {
        @Override
        public long[] shape(long[] file) {
            return file;
        }

        @Override
        public Tensor read(Tensor file) {
            return file;
        }

        @Override
        public Tensor write(List<Tensor> model) {
            return whole(model);
        }
    }

    /** A 1x1 convolution in the file, (out, in, 1, 1), is a linear weight in the model, (out, in); what has no such axes stays. */
    record Squeeze() implements Transform {
        @Override
        public long[] shape(long[] file) {
            return pointwise(file) ? new long[] {file[0], file[1]} : file;
        }

        @Override
        public Tensor read(Tensor file) {
            return TensorScope.scopedTensor(() -> {
                long[] shape = TensorInfo.of(file).shape();
                return pointwise(shape) ? file.view(shape(shape)) : file;
            });
        }

        private static boolean pointwise(long[] shape) {
            return shape.length == 4 && shape[2] == 1 && shape[3] == 1;
        }

        @Override
        public Tensor write(List<Tensor> model) {
            Tensor whole = whole(model);
            return whole.dim() == 2 ? whole.unsqueeze(-1).unsqueeze(-1) : whole;
        }
    }

    /** Rows and columns exchanged. */
    record Transpose() implements Transform {
        @Override
        public boolean takes(long[] file) {
            return file.length == 2;
        }

        @Override
        public long[] shape(long[] file) {
            return new long[] {file[1], file[0]};
        }

        @Override
        public Tensor read(Tensor file) {
            return file.t().contiguous();
        }

        @Override
        public Tensor write(List<Tensor> model) {
            return whole(model).t().contiguous();
        }
    }

    /** The two halves of the first axis exchanged. */
    record SwapHalves() implements Transform {
        @Override
        public boolean takes(long[] file) {
            return file.length > 0 && file[0] % 2 == 0;
        }

        @Override
        public long[] shape(long[] file) {
            return file;
        }

        @Override
        public Tensor read(Tensor file) {
            long half = file.size(0) / 2;
            return torch.cat(new TensorVector(file.narrow(0, half, half), file.narrow(0, 0, half)), 0);
        }

        @Override
        public Tensor write(List<Tensor> model) {
            return read(whole(model));
        }
    }

    /** Part {@code k} of {@code n} equal parts of the first axis. */
    record Rows(int k, int n) implements Transform {
        @Override
        public boolean takes(long[] file) {
            return file.length > 0 && file[0] % n == 0;
        }

        @Override
        public long[] shape(long[] file) {
            long[] part = file.clone();
            part[0] /= n;
            return part;
        }

        @Override
        public Tensor read(Tensor file) {
            long part = file.size(0) / n;
            return file.narrow(0, k * part, part);
        }

        @Override
        public Tensor write(List<Tensor> model) {
            return whole(model);
        }
    }

    private static Tensor whole(List<Tensor> parts) {
        return parts.size() == 1 ? parts.get(0) : torch.cat(new TensorVector(parts.toArray(Tensor[]::new)), 0);
    }

    /** The transform of that name: nothing, {@code squeeze}, {@code transpose}, {@code swap-halves} or {@code rows k/n}. */
    static Transform named(String text) {
        return switch (text) {
            case "" -> new Keep();
            case "squeeze" -> new Squeeze();
            case "transpose" -> new Transpose();
            case "swap-halves" -> new SwapHalves();
            default -> rows(text);
        };
    }

    private static Transform rows(String text) {
        Matcher rows = Pattern.compile("rows (\\d+)/(\\d+)").matcher(text);
        if (!rows.matches()) {
            throw new IllegalArgumentException("no such transform: " + text);
        }
        return new Rows(Integer.parseInt(rows.group(1)), Integer.parseInt(rows.group(2)));
    }
}
