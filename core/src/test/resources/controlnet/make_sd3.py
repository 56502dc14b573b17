"""Writes controlnet-sd3-mean.safetensors: diffusers' answer to the conformance kit's case controlnet-sd3, with the mean of the
control image's latent where diffusers draws a sample of it from an unseeded generator. Arguments: the kit's folder, the file."""

import json
import sys
from pathlib import Path

import torch
from diffusers import SD3ControlNetModel, StableDiffusion3ControlNetPipeline
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from PIL import Image
from safetensors.torch import load_file, save_file

case = Path(sys.argv[1]) / "controlnet-sd3"
what = json.loads((case / "case.json").read_text())
DiagonalGaussianDistribution.sample = lambda self, generator=None: self.mode()
pipe = StableDiffusion3ControlNetPipeline.from_pretrained(
    case / what["model"],
    controlnet=SD3ControlNetModel.from_pretrained(case / what["controlnet"]).float(),
    torch_dtype=torch.float32,
)
latents = pipe(
    what["prompt"],
    negative_prompt=what["negative_prompt"],
    control_image=Image.open(case / what["image"]).convert("RGB"),
    controlnet_conditioning_scale=what["scale"],
    num_inference_steps=what["steps"],
    guidance_scale=what["cfg"],
    height=what["height"],
    width=what["width"],
    latents=load_file(case / "io.safetensors")["in.latents"],
    output_type="latent",
).images
save_file({"out.latents": latents.contiguous()}, sys.argv[2])
