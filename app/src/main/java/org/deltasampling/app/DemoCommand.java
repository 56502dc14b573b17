package org.deltasampling.app;

import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import org.deltasampling.file.WholeFile;
import org.deltasampling.lab.Demo;
import org.deltasampling.lab.DemoModels;
import org.deltasampling.recipe.BadRecipeException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code demo}: Delta Sampling on small models that come with the program, and how well it went. */
@Command(
        name = "demo",
        description = "Carries styles that the target never saw over to it, as one image grid and a table of scores.")
final class DemoCommand extends Subcommand {

    @Option(
            names = "--output",
            paramLabel = "FOLDER",
            defaultValue = "demo",
            description =
                    "Receives grid.png, bridges.png, scores.txt and the models, for trials of your own; default ${DEFAULT-VALUE}.")
    Path folder = Path.of("demo");

    @Option(names = "--seed", paramLabel = "N", defaultValue = "0", description = "Of prompts and noise; default 0.")
    long seed;

    @Override
    void run() {
        PrintWriter out = out();
        if (!DemoModels.present()) {
            throw new BadRecipeException("this build carries no trained demo models yet:"
                    + " put those of './delta-sampling lab train' into the lab module's resources and build again");
        }
        WholeFile.folder(folder);
        Path grid = folder.resolve("grid.png");
        Path bridges = folder.resolve("bridges.png");
        WholeFile.check(grid);
        WholeFile.check(bridges);
        Demo.Result result = Demo.run(DemoModels.unpack(folder.resolve("models")), seed, out::println);
        WholeFile.write(grid, file -> ImageIO.write(result.grid(), "png", file));
        WholeFile.write(bridges, file -> ImageIO.write(result.bridges(), "png", file));
        WholeFile.write(
                folder.resolve("scores.txt"), file -> file.write(result.table().getBytes(StandardCharsets.UTF_8)));
        out.println();
        out.print(result.table());
        out.println();
        out.print(result.verdict());
        out.println(grid);
        out.println(bridges);
    }
}
