package org.deltasampling.model.ipadapter;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.deltasampling.model.Backbone;
import org.deltasampling.model.mmdit.Blocks;
import org.deltasampling.model.mmdit.MMDiT;
import org.deltasampling.model.unet.EncoderConfig;
import org.deltasampling.model.unet.UNet;

/**
 * The attention layers of a network that read its text: those of a UNet's down blocks, middle block and up blocks; of a transformer,
 * which has no such parts, all are in {@code down}.
 */
record AttentionLayers(List<Layer> down, List<Layer> middle, List<Layer> up) {

    /**
     * One layer.
     *
     * @param width of its queries
     */
    record Layer(long width, long heads) {}

    static AttentionLayers of(Backbone.Config network) {
        if (network instanceof MMDiT.Config transformer) {
            Blocks blocks = transformer.blocks();
            Layer layer = new Layer(blocks.width(), blocks.heads());
            return new AttentionLayers(Collections.nCopies((int) blocks.count(), layer), List.of(), List.of());
        }
        if (network instanceof UNet.Config unet) {
            return of(unet);
        }
        throw new IllegalArgumentException("no attention layers are known of " + network.getClass());
    }

    private static AttentionLayers of(UNet.Config unet) {
        List<Layer> down = new ArrayList<>();
        List<Layer> up = new ArrayList<>();
        EncoderConfig encoder = unet.encoder();
        List<EncoderConfig.Level> levels = encoder.levels();
        for (int i = 0; i < levels.size(); i++) {
            EncoderConfig.Level level = levels.get(i);
            if (level.attention()) {
                down.addAll(transformers(level, encoder.resnets()));
            }
            if (unet.attentionUp().get(i)) {
                up.addAll(0, transformers(level, encoder.resnets() + 1));
            }
        }
        EncoderConfig.Level last = levels.get(levels.size() - 1);
        return new AttentionLayers(down, transformers(last, 1), up);
    }

    private static List<Layer> transformers(EncoderConfig.Level level, long count) {
        return Collections.nCopies((int) (count * level.depth()), new Layer(level.channels(), level.heads()));
    }

    /** In the order of IP-Adapters' numbers: the middle block's last. */
    List<Layer> numbered() {
        List<Layer> all = new ArrayList<>(down);
        all.addAll(up);
        all.addAll(middle);
        return all;
    }

    /** What belongs to {@link #numbered}, in the order in which the network runs its layers. */
    <T> List<T> inRunningOrder(List<T> numbered) {
        int ups = down.size() + up.size();
        List<T> all = new ArrayList<>(numbered.subList(0, down.size()));
        all.addAll(numbered.subList(ups, numbered.size()));
        all.addAll(numbered.subList(down.size(), ups));
        return all;
    }
}
