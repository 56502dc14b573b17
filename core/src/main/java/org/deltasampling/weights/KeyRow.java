package org.deltasampling.weights;

/** A subtree's name in models and in files, and how its tensors change form in between; the empty name is the root. */
record KeyRow(String canonical, String file, Transform transform) {

    /** The row of a tensor that is the same in models and in files. */
    static KeyRow same(String canonical, String file) {
        return new KeyRow(canonical, file, new Transform.Keep());
    }
}
