package org.deltasampling.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.deltasampling.NoLeaks;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Pickles that would run code, or take more memory or time than the file is worth, are refused in a sentence. */
@ExtendWith(NoLeaks.class)
class HostilePicklesTest {

    private static final long SPARE_BYTES = 64L << 20;

    @TempDir
    Path folder;

    private void refused(byte[] bytes, String words) throws IOException {
        Path path = folder.resolve("hostile.pt");
        Files.write(path, bytes);
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        Assertions.assertTimeout(Duration.ofSeconds(10), () -> {
            long before = threads.getCurrentThreadAllocatedBytes();
            assertThatThrownBy(() -> WeightFile.open(path).close())
                    .isInstanceOf(BadWeightsException.class)
                    .hasMessageContaining(words)
                    .message()
                    .hasSizeLessThan(600)
                    .doesNotContain("\n");
            assertThat(threads.getCurrentThreadAllocatedBytes() - before).isLessThan(bytes.length + SPARE_BYTES);
        });
    }

    private void refusedInBothForms(String pickle, String words) throws IOException {
        refused(Pickles.legacy(pickle), words);
        refused(Pickles.zip(pickle), words);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "os.system",
                "posix.system",
                "nt.system",
                "subprocess.Popen",
                "builtins.eval",
                "builtins.exec",
                "builtins.getattr",
                "builtins.__import__",
                "__builtin__.eval",
                "importlib.import_module",
                "runpy.run_path",
                "torch.load",
                "torch.hub.load",
                "torch._utils._rebuild_qtensor",
                "numpy.load",
                "typing_extensions.Any",
                "lightning_evil.Trainer",
                "torch.optim_evil.Adam"
            })
    void aNameThatIsNotAllowedIsRefusedByName(String name) throws IOException {
        int dot = name.lastIndexOf('.');
        String module = name.substring(0, dot);
        String own = name.substring(dot + 1);
        String argument = Pickles.text("touch hacked") + "\u0085R";
        refusedInBothForms("\u0080\2c" + module + "\n" + own + "\n" + argument + ".", name);
        refused(
                Pickles.legacy("\u0080\4" + Pickles.text(module) + Pickles.text(own) + "\u0093" + argument + "."),
                name);
        refused(Pickles.legacy("\u0080\2(" + Pickles.text("touch hacked") + "i" + module + "\n" + own + "\n."), name);
    }

    @Test
    void aNameIsRefusedAlsoInWhatNoTensorIsMadeOf() throws IOException {
        String hidden = "\u0080\2}" + Pickles.text("callbacks") + "}" + Pickles.text("x") + "cbuiltins\neval\n"
                + Pickles.text("1") + "\u0085Rss" + Pickles.entryW("\u0089N") + ".";
        refusedInBothForms(hidden, "builtins.eval");
        refused(Pickles.legacy("\u0080\2(cos\nsystem\n" + Pickles.text("x") + "o."), "os.system");
        refused(Pickles.bytes("\u0080\2cos\nsystem\n" + Pickles.text("x") + "\u0085R."), "os.system");
    }

    @Test
    void namesOfTrainingAreInertAndChainsOfThemMakeNoTensor() throws IOException {
        String inert = "cpytorch_lightning.trainer\nTrainer\n";
        String chain = inert + ")\u0081}" + Pickles.text("x") + "K\1sb)RR";
        refusedInBothForms("\u0080\2" + inert + chain + ".", "without tensors");
        refusedInBothForms(
                "\u0080\2ctorch._utils\n_rebuild_tensor_v2\n(" + inert + ")RK\0)))Nt" + "R.", "makes a tensor");
        refusedInBothForms(
                "\u0080\2ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._tensor\n_rebuild_from_type_v2\nN)NtR.",
                "makes a tensor");
        refusedInBothForms("\u0080\2K\1)R.", "makes a tensor");
    }

    @Test
    void whatIsNestedVeryDeepOrInItselfIsRefused() throws IOException {
        refusedInBothForms("\u0080\2)" + "\u0085".repeat(1_000_000) + ".", "far more than the file holds");
        refusedInBothForms("\u0080\2" + "(".repeat(1_000_000) + ".", "damaged");
        refusedInBothForms("\u0080\2)" + "\u0085".repeat(100_000) + ".", "nested more than");
        refusedInBothForms("\u0080\2}q\0" + Pickles.text("a") + "h\0" + "s.", "nested more than");
        refusedInBothForms(
                "\u0080\2}q\0(" + Pickles.text("a") + "h\0" + Pickles.text("b") + "h\0u.", "nested more than");
        refusedInBothForms("\u0080\2]q\0(h\0h\0e.", "nested more than");
    }

    @Test
    void fewBytesThatStandForManyValuesAreRefused() throws IOException {
        StringBuilder doubling = new StringBuilder("\u0080\2}q\0");
        for (int i = 0; i < 15; i++) {
            doubling.append("}(");
            for (int k = 0; k < 8; k++) {
                doubling.append(Pickles.text("x" + k)).append("h\0");
            }
            doubling.append("uq\0");
        }
        refusedInBothForms(doubling + ".", "far more");
        String big = "\u0080\2](" + "K\1".repeat(1000) + "eq\0";
        refusedInBothForms(big + "cbuiltins\ntuple\nh\0\u0085R0".repeat(20_000) + "h\0.", "without tensors");
        refusedInBothForms(
                "\u0080\2](" + "]K\1aK\1a".repeat(1000) + "eq\0"
                        + "ccollections\nOrderedDict\nh\0\u0085R0".repeat(50_000) + ".",
                "");
        refusedInBothForms("\u0080\2" + "}".repeat(900_000) + ".", "far more");
        refusedInBothForms("\u0080\2" + "]".repeat(900_000) + ".", "far more");
        refusedInBothForms("\u0080\4N" + "\u0094".repeat(900_000) + ".", "far more");
        refusedInBothForms("\u0080\4" + "cbuiltins\nlist\n)R".repeat(300_000) + ".", "far more");
    }

    @Test
    void textsLongerThanTheFileAreRefused() throws IOException {
        for (String operation : new String[] {"X", "B", "T", "\u008b"}) {
            for (int length : new int[] {10_000_000, 40_000_000, Integer.MAX_VALUE, -1}) {
                refusedInBothForms("\u0080\2" + operation + Pickles.number(length) + "x.", "");
            }
        }
        for (String operation : new String[] {"\u008d", "\u008e", "\u0096"}) {
            refusedInBothForms("\u0080\4" + operation + "\377\377\377\377\377\377\377\177" + "x.", "");
            refusedInBothForms("\u0080\4" + operation + "\377\377\377\377\377\377\377\377" + "x.", "");
        }
    }

    @Test
    void aPickleThatIsDeflatedAThousandfoldIsRefused() throws IOException {
        refused(Pickles.zip("\u0080\2N" + "N0".repeat(5_000_000) + "."), "far more");
        refused(Pickles.zip("\u0080\2X" + Pickles.number(30_000_000) + "x".repeat(30_000_000) + "."), "far more");
    }

    @Test
    void aTensorLargerThanItsNumbersIsRefused() throws IOException {
        String tensor = Pickles.TENSOR;
        String shape = "K\2\u0085K\1\u0085";
        String huge = "J" + Pickles.number(Integer.MAX_VALUE);
        refusedInBothForms(tensor.replace(shape, huge + "\u0085K\0\u0085"), "far larger than the file");
        refusedInBothForms(tensor.replace(shape, huge.repeat(3) + "\u0087K\0K\0K\0\u0087"), "larger than its numbers");
        refusedInBothForms(tensor.replace(shape, "K\2\u0085K\2\u0085"), "larger than its numbers");
        refusedInBothForms(tensor.replace(shape, "K\2\u0085J" + Pickles.number(-1) + "\u0085"), "makes a tensor");
        refusedInBothForms(tensor.replace(shape, "K\3\u0085K\1\u0085"), "larger than its numbers");
        refusedInBothForms(tensor.replace("QK\0", "QK\1"), "larger than its numbers");
        String most = "\u008a\7\0\0\0\0\0\0\1"; // 2^48, and its strides over many axes
        String axes = "(" + "K\2".repeat(8) + "t(" + most.repeat(8) + "t";
        refusedInBothForms(tensor.replace("K\2tQ", most + "tQ").replace(shape, axes), "larger than its numbers");
        refusedInBothForms(tensor.replace("K\2tQ", most.replace("\1", "\2") + "tQ"), "no storage of numbers");
        refusedInBothForms(
                tensor.replace("K\2tQ", huge + "tQ").replace(shape, huge + "\u0085K\1\u0085"), "are not all there");
    }

    @Test
    void aStorageThatIsDeflatedAThousandfoldIsRefused() throws IOException {
        int elements = 40 << 20;
        String number = "J" + Pickles.number(elements);
        String pickle = Pickles.TENSOR
                .replace("K\2tQ", number + "tQ")
                .replace("K\2\u0085K\1\u0085", number + "\u0085K\1\u0085");
        byte[] bomb = Pickles.zip(Map.of("a/data.pkl", Pickles.bytes(pickle), "a/data/0", new byte[4 * elements]));
        refused(bomb, "far larger than the file");
        String atTheEnd =
                Pickles.TENSOR.replace("K\2tQ", number + "tQ").replace("QK\0", "QJ" + Pickles.number(elements - 2));
        refused(
                Pickles.zip(Map.of("a/data.pkl", Pickles.bytes(atTheEnd), "a/data/0", new byte[4 * elements])),
                "far larger than the file");
    }
}
