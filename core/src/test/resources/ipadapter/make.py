"""Makes the files beside it: small image encoders, networks and IP-Adapters with random weights, and what diffusers answers.

python make.py [folder], with torch, numpy, pillow, safetensors, transformers 5 and diffusers 0.40 (without torchvision, so that
transformers resizes by Pillow). Every case is io-NAME.safetensors: inputs in.*, answers out.*; weights are float16, answers float32.
"""

import json
import pathlib
import sys

import numpy
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import (
    CLIPImageProcessorPil,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    SiglipImageProcessorPil,
    SiglipVisionConfig,
    SiglipVisionModel,
)
from diffusers import (
    DDIMScheduler,
    FlowMatchEulerDiscreteScheduler,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)

HERE = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
SCALE = 0.7
torch.manual_seed(9)
torch.set_grad_enabled(False)


def value(name, shape):
    """Norms near 1, biases small, weights of gain 1; what float16 holds."""
    if len(shape) == 1:
        near = 1.0 if "norm" in name and name.endswith("weight") or name.endswith("1.0.weight") else 0.0
        return (near + 0.1 * torch.randn(shape)).half()
    fan_in = 1 if "latents" in name else int(numpy.prod(shape[1:]))
    return (torch.randn(shape) / fan_in**0.5).half()


def randomized(model):
    model.load_state_dict({k: value(k, v.shape).float() for k, v in model.state_dict().items()})
    return model.eval()


def save(model, folder, file, config):
    (HERE / folder).mkdir(parents=True, exist_ok=True)
    save_file({k: v.half().contiguous() for k, v in model.state_dict().items()}, HERE / folder / file)
    (HERE / folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")


def image(height, width):
    """A smooth image with some noise."""
    y, x = numpy.mgrid[0:height, 0:width]
    waves = [128 + 90 * numpy.sin(x / (3 + c) + c) * numpy.cos(y / (5 - c)) for c in range(3)]
    noise = torch.randint(-30, 31, (height, width, 3)).numpy()
    return Image.fromarray(numpy.clip(numpy.stack(waves, 2) + noise, 0, 255).astype(numpy.uint8))


def clip():
    config = CLIPVisionConfig(
        hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=16, image_size=16, patch_size=8,
        projection_dim=24)
    model = randomized(CLIPVisionModelWithProjection(config))
    save(model, "clip", "model.safetensors", {**config.to_dict(), "architectures": ["CLIPVisionModelWithProjection"]})
    weights = load_file(HERE / "clip" / "model.safetensors")
    renamed = {
        "visual.class_embedding": weights["vision_model.embeddings.class_embedding"],
        "visual.conv1.weight": weights["vision_model.embeddings.patch_embedding.weight"],
        "visual.positional_embedding": weights["vision_model.embeddings.position_embedding.weight"],
        "visual.proj": weights["visual_projection.weight"].T.contiguous(),
        "logit_scale": torch.tensor(1.0),
    }
    for end in ("weight", "bias"):
        renamed[f"visual.ln_pre.{end}"] = weights[f"vision_model.pre_layrnorm.{end}"]
        renamed[f"visual.ln_post.{end}"] = weights[f"vision_model.post_layernorm.{end}"]
        for i in range(3):
            ours, theirs = f"vision_model.encoder.layers.{i}.", f"visual.transformer.resblocks.{i}."
            for a, b in (("layer_norm1", "ln_1"), ("layer_norm2", "ln_2"), ("mlp.fc1", "mlp.c_fc"),
                         ("mlp.fc2", "mlp.c_proj"), ("self_attn.out_proj", "attn.out_proj")):
                renamed[f"{theirs}{b}.{end}"] = weights[f"{ours}{a}.{end}"]
            renamed[f"{theirs}attn.in_proj_{end}"] = torch.cat(
                [weights[f"{ours}self_attn.{p}_proj.{end}"] for p in "qkv"])
    save_file(renamed, HERE / "openclip.safetensors")
    return model, CLIPImageProcessorPil(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16})


def siglip():
    config = SiglipVisionConfig(
        hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, image_size=20, patch_size=8)
    model = randomized(SiglipVisionModel(config))
    save(model, "siglip", "model.safetensors", config.to_dict())
    return model, SiglipImageProcessorPil(size={"height": 20, "width": 20})


def resampler(features, width, inner, queries, out, timed):
    shapes = {
        "latents": (1, queries, width), "proj_in.weight": (width, features), "proj_in.bias": (width,),
        "proj_out.weight": (out, width), "proj_out.bias": (out,), "norm_out.weight": (out,), "norm_out.bias": (out,),
    }
    if timed:
        shapes |= {
            "time_embedding.linear_1.weight": (width, 8), "time_embedding.linear_1.bias": (width,),
            "time_embedding.linear_2.weight": (width, width), "time_embedding.linear_2.bias": (width,),
        }
    for i in range(4):
        p = f"layers.{i}."
        for norm in ("0.norm1", "0.norm2", "1.0"):
            shapes |= {f"{p}{norm}.weight": (width,), f"{p}{norm}.bias": (width,)}
        shapes |= {
            f"{p}0.to_q.weight": (inner, width), f"{p}0.to_kv.weight": (2 * inner, width),
            f"{p}0.to_out.weight": (width, inner), f"{p}1.1.weight": (4 * width, width),
            f"{p}1.3.weight": (width, 4 * width),
        }
        if timed:
            shapes |= {f"{p}2.1.weight": (4 * width, width), f"{p}2.1.bias": (4 * width,)}
    return shapes


def adapter(file, projection, layers):
    shapes = {f"image_proj.{k}": v for k, v in projection.items()} | {f"ip_adapter.{k}": v for k, v in layers.items()}
    save_file({k: value(k, v) for k, v in shapes.items()}, HERE / file)


def cross_attention(unet, out):
    """Keys and values of each cross-attention, numbered as the authors' code does: the middle block last."""
    layers = {}
    names = [name for name in unet.attn_processors if name.endswith("attn2.processor")]
    for i, name in enumerate(names):
        width = unet.get_submodule(name[: -len(".processor")]).to_q.out_features
        layers |= {f"{2 * i + 1}.to_k_ip.weight": (width, out), f"{2 * i + 1}.to_v_ip.weight": (width, out)}
    return layers


def xl(images):
    config = dict(
        sample_size=8, in_channels=4, out_channels=4, block_out_channels=[8, 16], layers_per_block=1,
        down_block_types=["DownBlock2D", "CrossAttnDownBlock2D"], up_block_types=["CrossAttnUpBlock2D", "UpBlock2D"],
        transformer_layers_per_block=[1, 2], attention_head_dim=[1, 2], cross_attention_dim=12, norm_num_groups=4,
        use_linear_projection=True, addition_embed_type="text_time", addition_time_embed_dim=4,
        projection_class_embeddings_input_dim=32)
    unet = randomized(UNet2DConditionModel(**config))
    save(unet, "unet", "diffusion_pytorch_model.safetensors", {"_class_name": "UNet2DConditionModel", **config})
    encoder, processor = clip()
    adapter("plain.safetensors",
            {"proj.weight": (48, 24), "proj.bias": (48,), "norm.weight": (12,), "norm.bias": (12,)},
            cross_attention(unet, 12))
    adapter("plus.safetensors", resampler(32, 16, 128, 3, 12, False), cross_attention(unet, 12))
    adapter("full-face.safetensors",
            {"proj.0.weight": (32, 32), "proj.0.bias": (32,), "proj.2.weight": (12, 32), "proj.2.bias": (12,),
             "proj.3.weight": (12,), "proj.3.bias": (12,)},
            cross_attention(unet, 12))
    given = {
        "in.x": torch.randn(2, 4, 8, 8), "in.text": torch.randn(2, 5, 12), "in.pooled": torch.randn(2, 8),
        "in.sizes": torch.tensor([[64.0, 64, 0, 0, 64, 64]] * 2),
    }
    for name in ("plain", "plus", "full-face"):
        pipe = StableDiffusionXLPipeline(
            vae=None, text_encoder=None, text_encoder_2=None, tokenizer=None, tokenizer_2=None,
            unet=UNet2DConditionModel(**config).eval(), scheduler=DDIMScheduler(), image_encoder=encoder,
            feature_extractor=processor, add_watermarker=False)
        pipe.unet.load_state_dict(unet.state_dict())
        pipe.load_ip_adapter(str(HERE), subfolder="", weight_name=f"{name}.safetensors", low_cpu_mem_usage=False)
        pipe.unet.encoder_hid_proj.float()
        pipe.unet.float()
        pipe.set_ip_adapter_scale(SCALE)
        embeds = pipe.prepare_ip_adapter_image_embeds([images], None, "cpu", 1, True)
        out = pipe.unet(
            given["in.x"], torch.tensor(501.0), given["in.text"],
            added_cond_kwargs={"text_embeds": given["in.pooled"], "time_ids": given["in.sizes"], "image_embeds": embeds},
        ).sample
        save_file({**given, "out.sample": out}, HERE / f"io-{name}.safetensors")
    pixels = [processor(i, return_tensors="pt").pixel_values for i in images]
    encoded = encoder(torch.cat(pixels), output_hidden_states=True)
    save_file({"out.pixels": torch.cat(pixels), "out.embedding": encoded.image_embeds,
               "out.penultimate": encoded.hidden_states[-2]}, HERE / "io-clip.safetensors")


def sd3(images):
    config = dict(
        sample_size=8, patch_size=2, in_channels=4, num_layers=2, attention_head_dim=8, num_attention_heads=2,
        joint_attention_dim=12, caption_projection_dim=16, pooled_projection_dim=8, out_channels=4,
        pos_embed_max_size=6, qk_norm="rms_norm")
    transformer = SD3Transformer2DModel(**config)
    transformer.load_state_dict({k: v if "pos_embed.pos_embed" in k else value(k, v.shape).float()
                                 for k, v in transformer.state_dict().items()})
    transformer = transformer.half().float().eval()
    save(transformer, "transformer", "diffusion_pytorch_model.safetensors",
         {"_class_name": "SD3Transformer2DModel", **config})
    encoder, processor = siglip()
    layers = {}
    for i in range(2):
        layers |= {f"{i}.norm_ip.linear.weight": (32, 24), f"{i}.norm_ip.linear.bias": (32,),
                   f"{i}.to_k_ip.weight": (16, 16), f"{i}.to_v_ip.weight": (16, 16), f"{i}.norm_q.weight": (8,),
                   f"{i}.norm_k.weight": (8,), f"{i}.norm_ip_k.weight": (8,)}
    adapter("timed.safetensors", resampler(16, 24, 64, 3, 16, True), layers)
    pipe = StableDiffusion3Pipeline(
        transformer=transformer, scheduler=FlowMatchEulerDiscreteScheduler(), vae=None, text_encoder=None,
        tokenizer=None, text_encoder_2=None, tokenizer_2=None, text_encoder_3=None, tokenizer_3=None,
        image_encoder=encoder, feature_extractor=processor)
    pipe.load_ip_adapter(str(HERE), subfolder="", weight_name="timed.safetensors", image_encoder_folder=None,
                         low_cpu_mem_usage=False)
    pipe.transformer.float()
    pipe.set_ip_adapter_scale(SCALE)
    embeds = pipe.prepare_ip_adapter_image_embeds(images[0], None, "cpu", 1, True)
    given = {"in.x": torch.randn(2, 4, 8, 8), "in.text": torch.randn(2, 5, 12), "in.pooled": torch.randn(2, 8)}
    answers = {}
    for t in (900.0, 250.5):
        answers[f"out.sample.{int(t)}"] = pipe.transformer(
            given["in.x"], given["in.text"], given["in.pooled"], torch.tensor([t]),
            joint_attention_kwargs={"ip_adapter_image_embeds": embeds}).sample
    save_file({**given, **answers}, HERE / "io-timed.safetensors")
    pixels = processor(images[0], return_tensors="pt").pixel_values
    save_file({"out.pixels": pixels, "out.penultimate": encoder(pixels, output_hidden_states=True).hidden_states[-2].contiguous()},
              HERE / "io-siglip.safetensors")


def resized(source):
    answers = {}
    for width, height in ((53, 20), (17, 37), (16, 16), (70, 90), (200, 11), (1, 1)):
        levels = numpy.asarray(source.resize((width, height), Image.BICUBIC))
        answers[f"out.{width}x{height}"] = torch.from_numpy(levels.copy()).permute(2, 0, 1).contiguous()
    save_file(answers, HERE / "io-resized.safetensors")


IMAGES = [image(37, 53), image(45, 16)]
for name, one in zip(("a", "b"), IMAGES):
    one.save(HERE / f"{name}.png")
resized(IMAGES[0])
xl(IMAGES)
sd3(IMAGES)
