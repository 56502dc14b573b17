package org.deltasampling.weights;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.deltasampling.tensor.Precision;
import org.deltasampling.tensor.TensorScope;

/** {@code source} in the precision to compute in; whole numbers, such as indices, stay what they are. */
record Converted(WeightSource source, Precision precision) implements WeightView {

    @Override
    public TensorInfo info(String name) {
        TensorInfo info = source.info(name);
        return new TensorInfo(converted(info.type()), info.shape());
    }

    @Override
    public Tensor load(String name) {
        return TensorScope.scopedTensor(() -> source.load(name).to(info(name).type()));
    }

    @Override
    public boolean keeps(String name) {
        return source.keeps(name) && info(name).type() == source.info(name).type();
    }

    private torch.ScalarType converted(torch.ScalarType type) {
        return switch (type) {
            case Double, Float, Half, BFloat16, Float8_e4m3fn, Float8_e5m2 -> precision.type();
            default -> type;
        };
    }
}
