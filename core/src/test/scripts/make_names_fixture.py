"""Writes src/test/resources/org/deltasampling/weights/names-sd{15,21}.tsv.gz: every weight of the full-size models as

    part <tab> diffusers' name <tab> name in the original single file, or names with +k/n for parts of one <tab> shape in the original file

The names come from diffusers (the models built on the meta device) and from its converters between the layouts.
Usage: PYTHONPATH=<diffusers>/src python make_names_fixture.py <diffusers> <output folder>
"""

import gzip
import importlib.util
import sys

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

script = sys.argv[1] + "/scripts/convert_diffusers_to_original_stable_diffusion.py"
spec = importlib.util.spec_from_file_location("convert", script)
convert = importlib.util.module_from_spec(spec)
spec.loader.exec_module(convert)

VAE = dict(
    down_block_types=["DownEncoderBlock2D"] * 4, up_block_types=["UpDecoderBlock2D"] * 4,
    block_out_channels=[128, 256, 512, 512], layers_per_block=2, latent_channels=4,
)
SD15 = dict(
    unet=dict(cross_attention_dim=768),
    text=dict(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12),
)
SD21 = dict(
    unet=dict(cross_attention_dim=1024, attention_head_dim=[5, 10, 20, 20], use_linear_projection=True),
    text=dict(hidden_size=1024, intermediate_size=4096, num_hidden_layers=23, num_attention_heads=16),
)


def shapes(model):
    return {k: list(v.shape) for k, v in model.state_dict().items() if "position_ids" not in k}


def identity(names):
    """A state dict whose tensors tell which name they came from."""
    return {name: torch.full((1, 1) if len(shape) > 1 else (1,), float(i)) for i, (name, shape) in enumerate(names.items())}


def write(path, sizes, prefix_text):
    rows = []
    with torch.device("meta"):
        unet = shapes(UNet2DConditionModel(**sizes["unet"]))
        vae = shapes(AutoencoderKL(**VAE))
        text = shapes(CLIPTextModel(CLIPTextConfig(**sizes["text"])))
    text = {k if k.startswith("text_model.") else "text_model." + k: v for k, v in text.items()}
    for part, names, function, prefix in [
        ("unet", unet, convert.convert_unet_state_dict, "model.diffusion_model."),
        ("vae", vae, convert.convert_vae_state_dict, "first_stage_model."),
    ]:
        order = list(names)
        for original, value in function(identity(names)).items():
            name = order[int(value.flatten()[0])]
            shape = names[name]
            if value.dim() == 4:
                shape = shape + [1, 1]
            rows.append((part, name, prefix + original, shape))
    if prefix_text == "cond_stage_model.transformer.":
        for name, shape in text.items():
            rows.append(("text", name, prefix_text + name, shape))
    else:
        order = list(text)
        converted = convert.convert_text_enc_state_dict_v20({"transformer." + k: v for k, v in identity(text).items()})
        for original, value in converted.items():
            parts = value.flatten().tolist()
            for k, i in enumerate(parts):
                name = order[int(i)]
                shape = list(text[name])
                shape[0] *= len(parts)
                suffix = f"+{k}/{len(parts)}" if len(parts) > 1 else ""
                rows.append(("text", name, prefix_text + original + suffix, shape))
    with gzip.GzipFile(path, "wb", mtime=0) as out:
        for part, name, original, shape in sorted(rows):
            out.write(f"{part}\t{name}\t{original}\t{shape}\n".encode())
    print(path, len(rows))


write(sys.argv[2] + "/names-sd15.tsv.gz", SD15, "cond_stage_model.transformer.")
write(sys.argv[2] + "/names-sd21.tsv.gz", SD21, "cond_stage_model.model.")
