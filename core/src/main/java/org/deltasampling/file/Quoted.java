package org.deltasampling.file;

/** Names out of files, which may be of any length and hold any character, as a message quotes them. */
public final class Quoted {

    private static final int LONGEST = 100;

    private Quoted() {}

    /** {@code text} without control characters, cut after 100 characters. */
    public static String of(String text) {
        String shown = text.length() > LONGEST ? text.substring(0, LONGEST) + "..." : text;
        return shown.codePoints().allMatch(c -> printable(c))
                ? shown
                : shown.codePoints()
                        .map(c -> printable(c) ? c : '?')
                        .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                        .toString();
    }

    private static boolean printable(int c) {
        int type = Character.getType(c);
        return type != Character.CONTROL && type != Character.SURROGATE && type != Character.LINE_SEPARATOR;
    }
}
