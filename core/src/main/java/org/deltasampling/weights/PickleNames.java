package org.deltasampling.weights;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What the names in a pickle stand for. There are three kinds, and a file that has a name of none of them is refused:
 *
 * <ol>
 *   <li>those that tensors and plain containers are made with, which stand for the functions and number formats here;
 *   <li>those of settings, counters and states of training that lie beside the tensors in real checkpoints: {@code numpy} scalars
 *       and arrays, paths, dates, {@code argparse.Namespace}, and all of {@code pytorch_lightning}, {@code lightning}, {@code
 *       omegaconf}, {@code torch.optim} and {@code typing}; they stand for {@link #INERT}, and so does what is made with them;
 *   <li>all else, such as {@code os.system}, {@code builtins.eval} or {@code builtins.getattr}.
 * </ol>
 *
 * <p>No name leads to code other than that of this class: nothing is looked up by name in the virtual machine, and there is no
 * Python.
 */
final class PickleNames {

    /** None, and every value that no tensor is made of: nothing is known of it, and nothing is done with it. */
    static final Object INERT = new Object();

    /** What makes a plain value of arguments. */
    interface Function {

        /**
         * The value, or null if there is none of these arguments.
         *
         * @param allowance of which it takes what it allocates
         */
        @Nullable
        Object call(PickleList arguments, PickleAllowance allowance);
    }

    private static final Set<String> INERT_NAMES = Set.of(
            "_codecs.encode",
            "argparse.Namespace",
            "builtins.bool",
            "builtins.bytearray",
            "builtins.bytes",
            "builtins.complex",
            "builtins.object",
            "datetime.date",
            "datetime.datetime",
            "datetime.timedelta",
            "numpy.core.multiarray._reconstruct",
            "numpy.core.multiarray.scalar",
            "numpy._core.multiarray._reconstruct",
            "numpy._core.multiarray.scalar",
            "numpy.dtype",
            "numpy.ndarray",
            "pathlib.Path",
            "pathlib.PosixPath",
            "pathlib.PurePosixPath",
            "pathlib.PureWindowsPath",
            "pathlib.WindowsPath",
            "torch.Tensor",
            "torch.device",
            "torch.nn.parameter.Parameter",
            "types.SimpleNamespace");

    private static final List<String> INERT_MODULES =
            List.of("lightning", "omegaconf", "pytorch_lightning", "torch.optim", "typing");

    private static final Function REBUILD = (arguments, allowance) -> tensor(arguments, null);
    private static final Function REBUILD_TYPED =
            (arguments, allowance) -> tensor(arguments, arguments.get(6, FileType.class));
    private static final Function PARAMETER = (arguments, allowance) -> arguments.get(0, PickledTensor.class);

    private static final Map<String, Object> KNOWN = known();

    private PickleNames() {}

    private static Map<String, Object> known() {
        Map<String, Object> known = new HashMap<>();
        for (FileType type : FileType.values()) {
            known.put("torch." + type.dtype(), type);
        }
        Map<String, FileType> storages = Map.of(
                "Double", FileType.F64,
                "Float", FileType.F32,
                "Half", FileType.F16,
                "BFloat16", FileType.BF16,
                "Long", FileType.I64,
                "Int", FileType.I32,
                "Short", FileType.I16,
                "Char", FileType.I8,
                "Byte", FileType.U8,
                "Bool", FileType.BOOL);
        storages.forEach((name, type) -> {
            known.put("torch.%sStorage".formatted(name), type);
            known.put("torch.cuda.%sStorage".formatted(name), type);
        });
        known.put("torch.UntypedStorage", PickledStorage.Untyped.CLASS);
        known.put("torch.storage.UntypedStorage", PickledStorage.Untyped.CLASS);
        known.put("torch._utils._rebuild_tensor", REBUILD);
        known.put("torch._utils._rebuild_tensor_v2", REBUILD);
        known.put("torch._utils._rebuild_tensor_v3", REBUILD_TYPED);
        known.put("torch._utils._rebuild_parameter", PARAMETER);
        known.put("torch._utils._rebuild_parameter_with_state", PARAMETER);
        known.put("torch._tensor._rebuild_from_type_v2", (Function) PickleNames::withAttributes);
        List.of("torch.Size", "builtins.list", "builtins.tuple", "builtins.set", "builtins.frozenset")
                .forEach(name -> known.put(name, (Function) PickleNames::list));
        List.of(
                        "builtins.dict",
                        "collections.OrderedDict",
                        "collections.Counter",
                        "torch.nn.modules.container.ParameterDict") // in early textual inversions
                .forEach(name -> known.put(name, (Function) PickleNames::dict));
        known.put("collections.defaultdict", (Function) (arguments, allowance) -> new PickleDict());
        List.of("builtins.int", "builtins.float", "builtins.str")
                .forEach(name -> known.put(name, (Function) PickleNames::scalar));
        return Map.copyOf(known);
    }

    /** What {@code module.name} stands for: a {@link Function}, a format, or {@link #INERT}; null where it is refused. */
    static @Nullable Object find(String module, String name) {
        String full = (module.equals("__builtin__") ? "builtins" : module) + "." + name;
        boolean inert = INERT_NAMES.contains(full)
                || INERT_MODULES.stream().anyMatch(m -> module.equals(m) || module.startsWith(m + "."));
        return inert ? INERT : KNOWN.get(full);
    }

    /** (storage, first element, shape, strides, ...); the storage's own type unless another is given. */
    private static @Nullable Object tensor(PickleList arguments, @Nullable FileType given) {
        PickledStorage storage = arguments.get(0, PickledStorage.class);
        Long first = arguments.get(1, Long.class);
        PickleList shape = arguments.get(2, PickleList.class);
        PickleList strides = arguments.get(3, PickleList.class);
        if (storage == null || first == null || shape == null || strides == null) {
            return null;
        }
        FileType type = given != null ? given : storage.type() != null ? storage.type() : FileType.U8;
        long[] sizes = shape.counts();
        long[] steps = strides.counts();
        return sizes == null || steps == null ? null : PickledTensor.of(storage, type, first, sizes, steps);
    }

    /** (function, class, its arguments, attributes): the tensor without the attributes. */
    private static @Nullable Object withAttributes(PickleList arguments, PickleAllowance allowance) {
        Function function = arguments.get(0, Function.class);
        PickleList own = arguments.get(2, PickleList.class);
        boolean makesTensors = function == REBUILD || function == REBUILD_TYPED || function == PARAMETER;
        return makesTensors && function != null && own != null ? function.call(own, allowance) : null;
    }

    /** What is listed already need not be copied: a pickle has no use for two copies. */
    private static @Nullable Object list(PickleList arguments, PickleAllowance allowance) {
        return arguments.items().isEmpty() ? new PickleList(List.of()) : arguments.get(0, PickleList.class);
    }

    /** Of no arguments, of another dict, or of a list of pairs. */
    private static @Nullable Object dict(PickleList arguments, PickleAllowance allowance) {
        if (arguments.get(0, PickleDict.class) != null) {
            return arguments.items().get(0);
        }
        PickleDict dict = new PickleDict();
        PickleList pairs = arguments.get(0, PickleList.class);
        for (int i = 0; pairs != null && i < pairs.items().size(); i++) {
            PickleList pair = pairs.get(i, PickleList.class);
            if (pair == null || pair.items().size() != 2) {
                return null;
            }
            allowance.take(PickleDict.ENTRY_BYTES);
            dict.put(pair.items().get(0), pair.items().get(1));
        }
        return dict;
    }

    private static Object scalar(PickleList arguments, PickleAllowance allowance) {
        Object value = arguments.items().size() == 1 ? arguments.items().get(0) : INERT;
        return value instanceof Long || value instanceof Double || value instanceof String ? value : INERT;
    }
}
