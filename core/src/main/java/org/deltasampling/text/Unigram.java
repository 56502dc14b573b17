package org.deltasampling.text;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.deltasampling.weights.BadWeightsException;

/**
 * A unigram language model (Kudo 2018): of all ways to put a text together from known pieces, the one with the highest sum
 * of log-probabilities (Viterbi). Characters that no piece has become one unknown token for each run of them.
 */
final class Unigram {

    /** A piece and its log-probability; its id is its index in the list. */
    record Piece(String text, double score) {}

    /** Less than the least probable piece by this much is what an unknown character counts for. */
    private static final double UNKNOWN_PENALTY = 10;

    private final Map<String, Integer> ids = new HashMap<>();
    private final List<Piece> pieces;
    private final double[] scores;
    private final int unknown;
    private final double unknownScore;
    private final int longest;

    Unigram(List<Piece> pieces, int unknown) {
        this.pieces = List.copyOf(pieces);
        scores = pieces.stream().mapToDouble(Piece::score).toArray();
        for (int id = 0; id < scores.length; id++) {
            ids.put(pieces.get(id).text, id);
        }
        this.unknown = unknown;
        unknownScore = Arrays.stream(scores).min().orElse(0) - UNKNOWN_PENALTY;
        longest = pieces.stream().mapToInt(p -> p.text.length()).max().orElse(0);
    }

    int size() {
        return scores.length;
    }

    /** The piece of an id. */
    String piece(int id) {
        return pieces.get(id).text;
    }

    int id(String piece) {
        Integer id = ids.get(piece);
        if (id == null) {
            throw new BadWeightsException(
                    "it has no token %s: take its file from the model's own source".formatted(piece));
        }
        return id;
    }

    List<Integer> encode(String text) {
        int n = text.length();
        double[] best = new double[n + 1]; // of the text up to here
        int[] from = new int[n + 1]; // where its last piece begins
        int[] last = new int[n + 1]; // the id of its last piece
        Arrays.fill(from, -1);
        int next;
        for (int start = 0; start < n; start = next) {
            next = text.offsetByCodePoints(start, 1);
            boolean known = false;
            for (int end = next; end <= Math.min(n, start + longest); end++) {
                Integer id = ids.get(text.substring(start, end));
                if (id != null) {
                    known |= end == next;
                    offer(best, from, last, start, end, id, scores[id]);
                }
            }
            if (!known) {
                offer(best, from, last, start, next, unknown, unknownScore);
            }
        }
        return path(from, last);
    }

    private static void offer(double[] best, int[] from, int[] last, int start, int end, int id, double score) {
        double sum = best[start] + score;
        if (from[end] < 0 || sum > best[end]) {
            best[end] = sum;
            from[end] = start;
            last[end] = id;
        }
    }

    private List<Integer> path(int[] from, int[] last) {
        List<Integer> path = new ArrayList<>();
        for (int end = from.length - 1; end > 0; end = from[end]) {
            boolean sameRun = last[end] == unknown && !path.isEmpty() && path.get(path.size() - 1) == unknown;
            if (!sameRun) {
                path.add(last[end]);
            }
        }
        Collections.reverse(path);
        return path;
    }
}
