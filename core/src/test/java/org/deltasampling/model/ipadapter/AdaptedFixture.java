package org.deltasampling.model.ipadapter;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import org.deltasampling.IpAdapterFixtures;
import org.deltasampling.Kit;
import org.deltasampling.model.Backbone;
import org.deltasampling.model.ImageEncoder;
import org.deltasampling.model.mmdit.MMDiT;
import org.deltasampling.model.unet.UNet;
import org.deltasampling.nn.Parameters;
import org.deltasampling.tensor.CloseTogether;
import org.deltasampling.tensor.Device;
import org.deltasampling.tensor.Precision;
import org.deltasampling.weights.ResidentWeights;
import org.deltasampling.weights.WeightFile;

/** A network of the fixtures and an IP-Adapter for it, in float32. */
record AdaptedFixture(Backbone network, IpAdapter adapter, CloseTogether owned) implements AutoCloseable {

    /** The XL UNet under an adapter of that name. */
    static AdaptedFixture xl(String name) {
        return of(name, unet(), "unet", "clip");
    }

    static AdaptedFixture sd3() {
        return of("timed", transformer(), "transformer", "siglip");
    }

    static UNet.Config unet() {
        return UNet.Config.read(config("unet"));
    }

    static MMDiT.Config transformer() {
        return MMDiT.Config.read(config("transformer"));
    }

    private static JsonNode config(String folder) {
        return Kit.json(IpAdapterFixtures.path(folder).resolve("config.json"));
    }

    private static AdaptedFixture of(String name, Backbone.Config config, String folder, String encoderFolder) {
        CloseTogether owned = new CloseTogether();
        Path path = IpAdapterFixtures.path(folder);
        WeightFile file = owned.keep(WeightFile.open(path.resolve("diffusion_pytorch_model.safetensors")));
        ResidentWeights weights = owned.keep(new ResidentWeights(file, Precision.FLOAT32));
        ImageEncoder encoder = owned.keep(ImageEncoder.open(IpAdapterFixtures.path(encoderFolder)));
        IpAdapterFile adapter = owned.keep(IpAdapterFile.open(IpAdapterFixtures.path(name + ".safetensors")));
        return new AdaptedFixture(
                config.network(Parameters.from(weights)),
                owned.keep(adapter.load(config, path, encoder, Precision.FLOAT32, Device.CPU)),
                owned);
    }

    @Override
    public void close() {
        owned.close();
    }
}
