"""Writes images.safetensors: ../ipadapter/a.png resized by Pillow's Lanczos, and its edges by OpenCV's Canny (100, 200)."""

from pathlib import Path

import cv2
import numpy
import torch
from PIL import Image
from safetensors.torch import save_file

here = Path(__file__).parent
image = Image.open(here / "../ipadapter/a.png").convert("RGB")
out = {}
for width, height in ((53, 20), (16, 16), (70, 90), (200, 11)):
    levels = numpy.asarray(image.resize((width, height), Image.LANCZOS))
    out[f"lanczos.{width}x{height}"] = torch.from_numpy(levels.transpose(2, 0, 1).copy())
big = image.resize((160, 112), Image.LANCZOS)
grey = numpy.asarray(big.convert("L"))
out["grey"] = torch.from_numpy(grey.copy())
out["canny"] = torch.from_numpy(cv2.Canny(grey, 100, 200))
print({k: v.float().mean().item() for k, v in out.items()})
save_file(out, here / "images.safetensors")
