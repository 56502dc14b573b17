"""Makes sdxl-no-negative.safetensors: what diffusers draws with the kit's SD-XL where no negative prompt is given, and where it is empty.

python sdxl-no-negative.py KIT, with diffusers 0.40.0.dev0 and torch 2.13
"""
import json
import pathlib
import sys

import torch
from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline
from safetensors.torch import load_file, save_file

folder = pathlib.Path(sys.argv[1]) / "pipe-sdxl"
case = json.loads((folder / "case.json").read_text())
noise = load_file(folder / "io.safetensors")["in.latents"]
pipe = StableDiffusionXLPipeline.from_pretrained(folder / "model", torch_dtype=torch.float32)
pipe.scheduler = EulerDiscreteScheduler.from_config(pipe.scheduler.config, **case["schedulers"]["euler"])
answers = {}
for name, negative in (("none", None), ("empty", "")):
    answers[f"out.latents.{name}"] = pipe(
        case["prompt"],
        negative_prompt=negative,
        num_inference_steps=case["steps"],
        guidance_scale=case["cfg"],
        height=case["height"],
        width=case["width"],
        latents=noise.clone(),
        output_type="latent",
    ).images.contiguous()
save_file(answers, pathlib.Path(__file__).with_suffix(".safetensors"))
