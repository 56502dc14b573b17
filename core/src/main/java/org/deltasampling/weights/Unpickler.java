package org.deltasampling.weights;

import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deltasampling.file.Quoted;

/**
 * Reads a pickle, of the protocols 2 to 5 as Python's {@code pickle} and {@code torch.save} write them, into plain values:
 * String, Boolean, Long, BigInteger, Double, {@link PickleList}, {@link PickleDict}, {@link PickledStorage}, {@link
 * PickledTensor}, and {@link PickleNames#INERT} for all that is none of these.
 *
 * <p>A pickle is a program for a machine with a stack and a memo, and some of its operations call what the pickle names. Here
 * these are the functions of {@link PickleNames} alone. Nothing recurses, every operation takes its memory from a {@link
 * PickleAllowance}, and there is no operation that goes back.
 */
final class Unpickler {

    private static final int OPERATION_BYTES = 32;
    private static final int CONTAINER_BYTES = 96;
    private static final int NAME_BYTES = 512;
    private static final int ITEM_BYTES = 24;
    private static final int LONGEST_INTEGER = 255;

    private final Path path;
    private final PickleInput in;
    private final PickleAllowance allowance;
    private final List<Object> stack = new ArrayList<>();
    private final Deque<Integer> marks = new ArrayDeque<>();
    private final Map<Long, Object> memo = new HashMap<>();
    private final Map<String, PickledStorage> storages = new LinkedHashMap<>();

    private Unpickler(Path path, PickleInput in, PickleAllowance allowance) {
        this.path = path;
        this.in = in;
        this.allowance = allowance;
    }

    /**
     * The value of a pickle.
     *
     * @param storages those that its tensors lie in, each as it was first named, by their keys
     */
    record Result(Object value, Map<String, PickledStorage> storages) {}

    /**
     * Reads one pickle up to its end.
     *
     * @param path the file that it is in, for messages
     * @throws BadWeightsException if it is damaged, takes more than is allowed, or names what is neither a tensor nor a plain value
     */
    static Result read(Path path, PickleInput in, PickleAllowance allowance) throws IOException {
        Unpickler unpickler = new Unpickler(path, in, allowance);
        while (unpickler.step()) {}
        return new Result(unpickler.pop(), unpickler.storages);
    }

    /** Does the next operation; false if that is the end. */
    private boolean step() throws IOException {
        allowance.take(OPERATION_BYTES);
        int operation = in.next();
        switch (operation) {
            case '.' -> { // STOP
                return false;
            }
            case 0x80 -> requireProtocol(in.next()); // PROTO
            case 0x95 -> in.number(8); // FRAME: how many bytes to read at once

            case 'N' -> push(PickleNames.INERT); // NONE
            case 0x88 -> push(true); // NEWTRUE
            case 0x89 -> push(false); // NEWFALSE
            case 'J' -> push((long) (int) in.number(4)); // BININT
            case 'K' -> push(in.number(1)); // BININT1
            case 'M' -> push(in.number(2)); // BININT2
            case 0x8a -> push(integer(in.number(1))); // LONG1
            case 0x8b -> push(integer(in.number(4))); // LONG4
            case 'G' -> push(ByteBuffer.wrap(in.next(8)).getDouble()); // BINFLOAT

            case 0x8c, 'U' -> push(text(in.number(1))); // SHORT_BINUNICODE, SHORT_BINSTRING
            case 'X', 'T' -> push(text(in.number(4))); // BINUNICODE, BINSTRING
            case 0x8d -> push(text(in.number(8))); // BINUNICODE8
            case 'C' -> skip(in.number(1)); // SHORT_BINBYTES
            case 'B' -> skip(in.number(4)); // BINBYTES
            case 0x8e, 0x96 -> skip(in.number(8)); // BINBYTES8, BYTEARRAY8

            case ']', 0x8f, ')' -> push(list(List.of())); // EMPTY_LIST, EMPTY_SET, EMPTY_TUPLE
            case '}' -> push(dict()); // EMPTY_DICT
            case 'l', 't', 0x91 -> push(list(popToMark())); // LIST, TUPLE, FROZENSET
            case 0x85 -> push(list(pop(1))); // TUPLE1
            case 0x86 -> push(list(pop(2))); // TUPLE2
            case 0x87 -> push(list(pop(3))); // TUPLE3
            case 'd' -> { // DICT
                List<Object> items = popToMark();
                push(dict());
                put(items);
            }
            case 'a' -> append(pop(1)); // APPEND
            case 'e', 0x90 -> append(popToMark()); // APPENDS, ADDITEMS
            case 's' -> put(pop(2)); // SETITEM
            case 'u' -> put(popToMark()); // SETITEMS

            case '(' -> mark(); // MARK
            case '0' -> pop(); // POP
            case '1' -> popToMark(); // POP_MARK
            case '2' -> push(top()); // DUP
            case 'q' -> memoize(in.number(1)); // BINPUT
            case 'r' -> memoize(in.number(4)); // LONG_BINPUT
            case 0x94 -> memoize(memo.size()); // MEMOIZE
            case 'h' -> push(memo(in.number(1))); // BINGET
            case 'j' -> push(memo(in.number(4))); // LONG_BINGET

            case 'c' -> push(named(in.line(), in.line())); // GLOBAL
            case 0x93 -> { // STACK_GLOBAL
                List<Object> name = pop(2);
                push(named(text(name.get(0)), text(name.get(1))));
            }
            case 'i' -> { // INST
                Object function = named(in.line(), in.line());
                push(called(function, list(popToMark())));
            }
            case 'o' -> { // OBJ
                List<Object> items = popToMark();
                Object function = items.isEmpty() ? PickleNames.INERT : items.get(0);
                push(called(function, list(items.subList(Math.min(1, items.size()), items.size()))));
            }
            case 'R', 0x81 -> { // REDUCE, NEWOBJ
                List<Object> call = pop(2);
                push(called(call.get(0), call.get(1)));
            }
            case 0x92 -> { // NEWOBJ_EX: keyword arguments as well, which no function here has
                List<Object> call = pop(3);
                push(called(call.get(0), call.get(1)));
            }
            case 'b' -> build(pop()); // BUILD
            case 'Q' -> push(storage(pop())); // BINPERSID
            default ->
                throw new BadWeightsException(
                        "%s is damaged, or PyTorch did not write it: its pickle has the operation 0x%02x; download it again or save it as .safetensors"
                                .formatted(path, operation));
        }
        return true;
    }

    private void requireProtocol(int protocol) {
        if (protocol > 5) {
            throw new BadWeightsException(
                    "%s is a pickle of protocol %d, and those up to 5 are read: save it as .safetensors"
                            .formatted(path, protocol));
        }
    }

    private Object integer(long bytes) throws IOException {
        if (bytes > LONGEST_INTEGER) {
            throw damaged("has a whole number of %d bytes".formatted(bytes));
        }
        byte[] lowestFirst = in.next((int) bytes);
        byte[] highestFirst = new byte[lowestFirst.length];
        for (int i = 0; i < lowestFirst.length; i++) {
            highestFirst[i] = lowestFirst[lowestFirst.length - 1 - i];
        }
        allowance.take(4 * bytes);
        BigInteger value = bytes == 0 ? BigInteger.ZERO : new BigInteger(highestFirst);
        return value.bitLength() < Long.SIZE ? (Object) value.longValue() : value;
    }

    /** The bytes are read in parts and put together, and make a text whose characters may have two bytes each. */
    private String text(long bytes) throws IOException {
        take(bytes, 4);
        return new String(in.next((int) bytes), StandardCharsets.UTF_8);
    }

    private void skip(long bytes) throws IOException {
        take(bytes, 2);
        in.next((int) bytes);
        push(PickleNames.INERT);
    }

    private void take(long count, int bytesEach) {
        if (count < 0 || count > Integer.MAX_VALUE) {
            throw damaged("has a text of %s bytes".formatted(Long.toUnsignedString(count)));
        }
        allowance.take(count * bytesEach);
    }

    private PickleList list(List<Object> items) {
        allowance.take(CONTAINER_BYTES + (long) ITEM_BYTES * items.size());
        return new PickleList(items);
    }

    private PickleDict dict() {
        allowance.take(2 * CONTAINER_BYTES);
        return new PickleDict();
    }

    private void append(List<Object> items) {
        if (top() instanceof PickleList list) {
            allowance.take((long) ITEM_BYTES * items.size());
            list.items().addAll(items);
        } else if (top() != PickleNames.INERT) {
            throw damaged("appends to what is no list");
        }
    }

    private void put(List<Object> items) {
        if (top() instanceof PickleDict dict) {
            allowance.take(PickleDict.ENTRY_BYTES * items.size());
            for (int i = 0; i + 1 < items.size(); i += 2) {
                dict.put(items.get(i), items.get(i + 1));
            }
        } else if (top() != PickleNames.INERT) {
            throw damaged("puts entries into what is no dict");
        }
    }

    /** Attributes name no tensors, except those of a ParameterDict, whose entries they hold. */
    private void build(Object attributes) {
        if (top() instanceof PickleDict dict
                && attributes instanceof PickleDict all
                && all.entries().get("_parameters") instanceof PickleDict parameters) {
            allowance.take(PickleDict.ENTRY_BYTES * parameters.entries().size());
            dict.entries().putAll(parameters.entries());
        }
    }

    private void push(Object value) {
        stack.add(value);
    }

    private Object pop() {
        Object top = top();
        stack.remove(stack.size() - 1);
        return top;
    }

    private Object top() {
        if (stack.isEmpty()) {
            throw damaged("takes a value where there is none");
        }
        return stack.get(stack.size() - 1);
    }

    private List<Object> pop(int count) {
        return popFrom(stack.size() - count);
    }

    private List<Object> popToMark() {
        return popFrom(marks.isEmpty() ? -1 : marks.pop());
    }

    private List<Object> popFrom(int from) {
        if (from < 0 || from > stack.size()) {
            throw damaged("takes values where there are none");
        }
        List<Object> taken = stack.subList(from, stack.size());
        allowance.take((long) ITEM_BYTES * taken.size());
        List<Object> values = List.copyOf(taken);
        taken.clear();
        return values;
    }

    private void mark() {
        marks.push(stack.size());
    }

    private void memoize(long index) {
        allowance.take(PickleDict.ENTRY_BYTES);
        memo.put(index, top());
    }

    private Object memo(long index) {
        Object value = memo.get(index);
        if (value == null) {
            throw damaged("uses a value that it has not made");
        }
        return value;
    }

    private String text(Object value) {
        if (value instanceof String text) {
            return text;
        }
        throw damaged("has a name that is no text");
    }

    private Object named(String module, String name) {
        allowance.take(NAME_BYTES + 8L * (module.length() + name.length()));
        Object found = PickleNames.find(module, name);
        if (found == null) {
            throw new BadWeightsException(
                    ("%s refers to %s, which is neither a tensor nor a plain value and could be harmful: nothing of it was run, and"
                                    + " the file is not read; save its tensors alone, as .safetensors")
                            .formatted(path, Quoted.of(module + "." + name)));
        }
        return found;
    }

    private Object called(Object function, Object arguments) {
        Object value = function == PickleNames.INERT ? function : null;
        if (function instanceof PickleNames.Function known && arguments instanceof PickleList list) {
            allowance.take(2 * CONTAINER_BYTES);
            value = known.call(list, allowance);
        }
        if (value == null) {
            throw damaged("makes a tensor or value of what none can be made of, or a tensor larger than its numbers");
        }
        return value;
    }

    private PickledStorage storage(Object id) {
        allowance.take(CONTAINER_BYTES + PickleDict.ENTRY_BYTES);
        PickledStorage storage = id instanceof PickleList list ? PickledStorage.of(list) : null;
        if (storage == null) {
            throw damaged("refers to what is no storage of numbers");
        }
        storages.putIfAbsent(storage.key(), storage);
        return storage;
    }

    private BadWeightsException damaged(String what) {
        return new BadWeightsException("%s is damaged: its pickle %s; download or copy it again".formatted(path, what));
    }
}
