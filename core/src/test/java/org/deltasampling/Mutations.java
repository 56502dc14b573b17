package org.deltasampling;

import java.util.List;
import java.util.Random;

/** Seeded damage, for tests that a reader refuses in its own words whatever it meets. */
public final class Mutations {

    private final Random random;
    private final List<String> tokens;

    /** @param tokens what is written in between: signs and numbers that mean something to the reader */
    public Mutations(long seed, List<String> tokens) {
        this.random = new Random(seed);
        this.tokens = tokens;
    }

    /** {@code text} with one to four changes: a token put in or over a part, a part taken out, repeated or moved, or a cut. */
    public String of(String text) {
        StringBuilder changed = new StringBuilder(text);
        for (int i = random.nextInt(4); i >= 0; i--) {
            change(changed);
        }
        return changed.toString();
    }

    private void change(StringBuilder text) {
        int from = random.nextInt(text.length() + 1);
        int to = from + random.nextInt(Math.min(20, text.length() - from) + 1);
        String part = text.substring(from, to);
        String token = tokens.get(random.nextInt(tokens.size()));
        switch (random.nextInt(7)) {
            case 0 -> text.insert(from, token);
            case 1 -> text.replace(from, to, token);
            case 2 -> text.delete(from, to);
            case 3 -> text.insert(from, part.repeat(1 + random.nextInt(3)));
            case 4 -> text.delete(from, to).insert(random.nextInt(text.length() + 1), part);
            case 5 -> text.replace(from, to, Character.toString(random.nextInt(300)));
            default -> text.setLength(random.nextInt(20) == 0 ? from : text.length());
        }
    }
}
