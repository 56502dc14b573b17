package org.deltasampling.lab;

/** A shape as its signed distance: negative inside, zero on the edge, in units of the shape's radius, y downward. */
enum Shape {
    CIRCLE(true) {
        @Override
        double distance(double x, double y) {
            return Math.hypot(x, y) - 0.95;
        }
    },
    SQUARE(true) {
        @Override
        double distance(double x, double y) {
            return box(x, y, 0.85, 0.85);
        }
    },
    TRIANGLE(true) {
        @Override
        double distance(double x, double y) {
            return polygon(x, y, TRIANGLE_CORNERS);
        }
    },
    CROSS(true) {
        @Override
        double distance(double x, double y) {
            return Math.min(box(x, y, 1.0, 0.33), box(x, y, 0.33, 1.0));
        }
    },
    RING(true) {
        @Override
        double distance(double x, double y) {
            return Math.abs(Math.hypot(x, y) - 0.72) - 0.26;
        }
    },
    HEART(true) {
        @Override
        double distance(double x, double y) {
            // Two lobes, and below them a wedge whose sides touch them at 45 degrees.
            double across = Math.abs(x);
            double lobes = Math.hypot(across - 0.46, y + 0.32) - 0.52;
            double wedge = Math.max((across + y - 0.875) * Math.sqrt(0.5), (across - y - 0.78) * Math.sqrt(0.5));
            return Math.min(lobes, Math.max(wedge, -0.32 - y));
        }
    },
    STAR(false) {
        @Override
        double distance(double x, double y) {
            return polygon(x, y, STAR_CORNERS);
        }
    },
    MOON(false) {
        @Override
        double distance(double x, double y) {
            return Math.max(Math.hypot(x, y) - 1.0, 0.78 - Math.hypot(x - 0.48, y));
        }
    };

    private static final double[] TRIANGLE_CORNERS = {0, -1, 1, 0.8, -1, 0.8};
    private static final double[] STAR_CORNERS = starCorners();

    private final boolean inSource;

    Shape(boolean inSource) {
        this.inSource = inSource;
    }

    /** Whether the source model's images have it; the target's have all. */
    boolean inSource() {
        return inSource;
    }

    /** Signed distance of (x, y) to the edge. */
    abstract double distance(double x, double y);

    private static double box(double x, double y, double halfWidth, double halfHeight) {
        double dx = Math.abs(x) - halfWidth;
        double dy = Math.abs(y) - halfHeight;
        return Math.hypot(Math.max(dx, 0), Math.max(dy, 0)) + Math.min(Math.max(dx, dy), 0);
    }

    /** Distance to a closed polygon, its sign from the number of edges that a ray to the right crosses. */
    private static double polygon(double x, double y, double[] corners) {
        double squared = Double.MAX_VALUE;
        boolean inside = false;
        for (int i = 0, j = corners.length - 2; i < corners.length; j = i, i += 2) {
            double ex = corners[j] - corners[i];
            double ey = corners[j + 1] - corners[i + 1];
            double wx = x - corners[i];
            double wy = y - corners[i + 1];
            double along = Math.min(1, Math.max(0, (wx * ex + wy * ey) / (ex * ex + ey * ey)));
            double dx = wx - ex * along;
            double dy = wy - ey * along;
            squared = Math.min(squared, dx * dx + dy * dy);
            if (corners[i + 1] > y != corners[j + 1] > y && wx < wy * ex / ey) {
                inside = !inside;
            }
        }
        return inside ? -Math.sqrt(squared) : Math.sqrt(squared);
    }

    private static double[] starCorners() {
        double[] corners = new double[20];
        for (int i = 0; i < 10; i++) {
            double radius = i % 2 == 0 ? 1.08 : 0.47;
            corners[2 * i] = radius * Math.sin(Math.PI * i / 5);
            corners[2 * i + 1] = 0.06 - radius * Math.cos(Math.PI * i / 5);
        }
        return corners;
    }
}
