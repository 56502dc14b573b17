package org.deltasampling.lab;

/** One style with one target by one of the bridges, at the lambda that is shown. */
record BridgeResult(Target target, NamedBridge bridge, Style style, Samples samples) {}
