"""Writes the fixtures of PickleFileTest: files of torch.save, and for each a .safetensors file with the same tensors.

Made with PyTorch 2.13: python make.py
"""

import collections
import zipfile

import torch
from safetensors.torch import save_file


def number(*shape, dtype=torch.float32):
    return torch.randn(*shape).to(dtype)


def save(name, value, twin, **options):
    torch.save(value, name, **options)
    save_file({key: tensor.detach().clone().contiguous() for key, tensor in twin.items()}, name.rpartition(".")[0] + ".safetensors")


torch.manual_seed(0)

dtypes = {
    str(dtype).removeprefix("torch."): number(3, 2, dtype=dtype)
    for dtype in (
        torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2,
        torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool,
    )
}
save("dtypes.pt", dtypes, dtypes)
usual = {key: tensor for key, tensor in dtypes.items() if "float8" not in key}
save("dtypes-legacy.pt", usual, usual, _use_new_zipfile_serialization=False)

whole = number(6, 4)
views = {
    "whole": whole,
    "rows": whole[2:4],
    "columns": whole[:, 1:3],
    "transposed": whole.t(),
    "every-second": whole[::2, ::2],
    "repeated": whole[0, 0].expand(3, 2),
    "scalar": torch.tensor(2.5),
    "empty": torch.zeros(0, 3),
    "parameter": torch.nn.Parameter(number(2, 2)),
    "tied": whole,
}
views["with-attribute"] = number(2)
views["with-attribute"].note = "a note"
save("views.pth", views, views)
save("views-legacy.pth", views, views, _use_new_zipfile_serialization=False)

module = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Conv2d(1, 2, 3))
ordered = module.state_dict()
assert isinstance(ordered, collections.OrderedDict) and ordered._metadata
for protocol in (3, 4, 5):
    save(f"protocol-{protocol}.bin", ordered, ordered, pickle_protocol=protocol)
save("protocol-4-legacy.bin", ordered, ordered, pickle_protocol=4, _use_new_zipfile_serialization=False)


class ModelCheckpoint:
    """Stands for the callback of that name, whose state lies in the checkpoints that PyTorch Lightning writes."""

    def __init__(self):
        self.best = torch.ones(1)


ModelCheckpoint.__module__ = "pytorch_lightning.callbacks.model_checkpoint"


def save_with_callback(name, value):
    import sys
    import types

    for module_name in ("pytorch_lightning", "pytorch_lightning.callbacks", ModelCheckpoint.__module__):
        sys.modules[module_name] = types.ModuleType(module_name)
    sys.modules[ModelCheckpoint.__module__].ModelCheckpoint = ModelCheckpoint
    save(name, value, value["state_dict"])


save_with_callback("lightning.ckpt", {
    "epoch": 3,
    "global_step": 470000,
    "pytorch-lightning_version": "1.4.2",
    "callbacks": {ModelCheckpoint: {"monitor": "val/loss", "state": ModelCheckpoint(), "best_model_score": torch.ones(1)}},
    "optimizer_states": [{"state": {0: {"step": 3, "exp_avg": torch.ones(2)}}, "param_groups": [{"lr": 1e-4}]}],
    "state_dict": {"model.diffusion_model.out.weight": number(2, 3), "first_stage_model.conv.bias": number(2, dtype=torch.float16)},
})

nested = {
    "image_proj": {"proj.weight": number(2, 2)},
    "ip_adapter": {"1.to_k_ip.weight": number(2, 2), "1.to_v_ip.weight": number(2, 2)},
}
save("nested.bin", nested, {f"{part}.{key}": tensor for part, tensors in nested.items() for key, tensor in tensors.items()})

with zipfile.ZipFile("views.pth") as stored, zipfile.ZipFile("deflated.pth", "w", zipfile.ZIP_DEFLATED) as deflated:
    for entry in stored.namelist():
        deflated.writestr(entry, stored.read(entry))

rows = number(2, 32)
parameters = torch.nn.ParameterDict({"*": torch.nn.Parameter(rows)})
torch.save(
    {"string_to_token": {"*": torch.tensor(265)}, "string_to_param": parameters, "name": "a1111", "step": 500, "sd_checkpoint": None},
    "embedding-a1111.pt")
torch.save({"string_to_token": {"*": 265}, "string_to_param": {"*": rows}, "name": "a1111", "step": None}, "embedding-a1111-plain.pt")
torch.save({"<cat-toy>": rows[0]}, "embedding-diffusers.bin")
torch.save(rows, "embedding-bare.bin")
torch.save([{"a": rows[0]}, {"b": rows[1:]}], "embedding-list.pt")
torch.save({"clip_l": rows, "clip_g": number(2, 48)}, "embedding-pair.pt")
save_file({"rows": rows}, "embedding-rows.safetensors")
