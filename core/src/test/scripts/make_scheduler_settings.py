"""Makes core/src/test/resources/org/deltasampling/sampling/settings.csv: where diffusers' schedulers end under settings of
their scheduler_config.json. Needs diffusers, torch and scipy; writes to standard output."""

import json

import torch
from diffusers import (
    DDIMScheduler,
    DEISMultistepScheduler,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    HeunDiscreteScheduler,
    LMSDiscreteScheduler,
    UniPCMultistepScheduler,
)

SPACINGS = [{"use_exponential_sigmas": True}, {"use_beta_sigmas": True}]
RANGE = {"sigma_min": 0.1, "sigma_max": 9.0}
SAMPLE = {"prediction_type": "sample"}
V = {"prediction_type": "v_prediction"}
MIN = {"final_sigmas_type": "sigma_min"}

BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1}

RUNS = [
    ("ddim", DDIMScheduler, [SAMPLE, {"clip_sample": True, "clip_sample_range": 0.7}, {"set_alpha_to_one": True}]),
    (
        "euler",
        EulerDiscreteScheduler,
        SPACINGS
        + [{**spacing, **RANGE} for spacing in SPACINGS + [{"use_karras_sigmas": True}]]
        + [{**SPACINGS[1], "timestep_spacing": "trailing", **V}]
        + [{**SPACINGS[0], "timestep_spacing": "leading"}]
        + [SAMPLE, MIN, {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing", **V}],
    ),
    ("heun", HeunDiscreteScheduler, SPACINGS + [SAMPLE, {"clip_sample": True, "clip_sample_range": 0.7}]),
    ("lms", LMSDiscreteScheduler, SPACINGS + [SAMPLE]),
    (
        "dpmpp-2m",
        DPMSolverMultistepScheduler,
        SPACINGS
        + [{**SPACINGS[0], **V}, {**SPACINGS[1], **MIN}]
        + [{"use_lu_lambdas": True}, {"use_lu_lambdas": True, "solver_type": "heun"}]
        + [{"solver_order": 1}, {"solver_order": 3}, {"solver_order": 3, "lower_order_final": False, **V}]
        + [{"solver_type": "heun"}, {"solver_type": "bh2"}]
        + [{"solver_order": 3, **MIN, "euler_at_final": True}]
        + [{"solver_order": 3, **MIN, "lower_order_final": False}]
        + [SAMPLE],
    ),
    (
        "unipc",
        UniPCMultistepScheduler,
        SPACINGS
        + [{**SPACINGS[0], **RANGE}, {**SPACINGS[1], **MIN}]
        + [{"solver_order": 1}, {"solver_order": 3}, {"solver_type": "bh1", **MIN}, {"solver_type": "bh1", "solver_order": 3, **V, **MIN}]
        + [{"lower_order_final": False, **MIN}]
        + [{"disable_corrector": [0, 3]}, SAMPLE],
    ),
    (
        "deis",
        DEISMultistepScheduler,
        SPACINGS + [{"solver_order": 1}, {"solver_order": 3}, {"solver_order": 3, "lower_order_final": False, **V}, SAMPLE],
    ),
    (
        "euler",
        FlowMatchEulerDiscreteScheduler,
        [{"shift": 3.0, **spacing} for spacing in SPACINGS],
    ),
]


def settings(scheduler, some):
    """What is passed over to the test; it adds BETAS to those that are not of flows."""
    own = {"clip_sample": False, "set_alpha_to_one": False} if scheduler is DDIMScheduler else {}
    return {**own, **some}


def run(scheduler, steps):
    scheduler.set_timesteps(steps)
    x = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    x = x * getattr(scheduler, "init_noise_sigma", 1.0)
    for t in scheduler.timesteps:
        seen = scheduler.scale_model_input(x, t) if hasattr(scheduler, "scale_model_input") else x
        x = scheduler.step(torch.sin(2 * seen + t / 300), t, x).prev_sample
    weights = torch.arange(256).view(1, 4, 8, 8) / 256
    return x.abs().sum().item(), (x * weights).sum().item()


print("# Settings of diffusers 0.40.0.dev0's schedulers (torch 2.13, CPU), each run as its pipelines do:")
print("# latents = randn(1, 4, 8, 8) of seed 0 times init_noise_sigma, the network answers sin(2 x + t / 300);")
print("# those that are not of flows with betas 0.00085 to 0.012 scaled-linear and steps_offset 1.")
print("# Made by core/src/test/scripts/make_scheduler_settings.py.")
print("# sampler | scheduler_config.json | steps | sum of absolutes | sum weighted with 0/256, 1/256 ... 255/256")
for name, scheduler, all_settings in RUNS:
    for some in all_settings:
        for steps in (7, 20):
            config = settings(scheduler, some)
            betas = {} if scheduler is FlowMatchEulerDiscreteScheduler else BETAS
            absolutes, weighted = run(scheduler(**betas, **config), steps)
            text = json.dumps({"_class_name": scheduler.__name__, **config})
            print(f"{name} | {text} | {steps} | {absolutes:.6g} | {weighted:.6g}")
