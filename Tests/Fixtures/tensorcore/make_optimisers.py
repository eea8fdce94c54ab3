# Five steps of PyTorch's optimisers on a tiny problem, gradient clipping, and learning-rate schedules.
#
# The problem: mean cross entropy of silu(x·w1 + b1)·w2 over 6 rows, 3 classes. Weights are [in, out].
# optimisers.safetensors, for T in f32, f64 (the same start and inputs, all arithmetic in T):
#   T/x [6, 5], T/targets [6] (I64), T/start/NAME, and for every case of optimisers.json and step
#   0...4: T/CASE/step{t}/{loss, norm} (loss and joint gradient norm before the step and before
#   clipping), T/CASE/step{t}/grad/NAME (after clipping), T/CASE/step{t}/NAME (weight after the step).
# schedules.safetensors: NAME [total + 1] (f64), the rate of steps 0...total as PyTorch's chained
#   schedulers give it; settings in optimisers.json.
#
# Python 3.11, torch 2.13.0+cpu, safetensors 0.8.0:  python make_optimisers.py
import json
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LinearLR, SequentialLR

torch.set_num_threads(1)
HERE = Path(__file__).parent
STEPS = 5
NAMES = {"w1": (5, 8), "b1": (8,), "w2": (8, 3)}
# weight decay acts on the names under "decayed" alone; clip is the largest joint norm
CASES = {
    "sgd": dict(kind="sgd", rate=0.5, momentum=0.0, weight_decay=0.0, decayed=[], clip=None),
    "sgd-decay": dict(kind="sgd", rate=0.5, momentum=0.0, weight_decay=0.1,
                      decayed=["w1", "b1", "w2"], clip=None),
    "sgd-momentum": dict(kind="sgd", rate=0.3, momentum=0.9, weight_decay=0.05,
                         decayed=["w1", "w2"], clip=None),
    "adamw": dict(kind="adamw", rate=0.05, beta1=0.9, beta2=0.98, epsilon=1e-8, weight_decay=0.1,
                  decayed=["w1", "w2"], clip=None),
    "adamw-plain": dict(kind="adamw", rate=0.05, beta1=0.9, beta2=0.999, epsilon=1e-3,
                        weight_decay=0.0, decayed=[], clip=None),
    "adamw-clipped": dict(kind="adamw", rate=0.05, beta1=0.9, beta2=0.95, epsilon=1e-8,
                          weight_decay=0.1, decayed=["w1", "w2"], clip=0.7),
    "sgd-clipped": dict(kind="sgd", rate=1.0, momentum=0.9, weight_decay=0.0, decayed=[], clip=0.5),
}
SCHEDULES = {
    "cosine": dict(peak=2e-3, warmup=10, total=50, decay="cosine", final_fraction=0.1),
    "cosine-to-zero": dict(peak=1.0, warmup=1, total=20, decay="cosine", final_fraction=0.0),
    "linear": dict(peak=3e-4, warmup=8, total=40, decay="linear", final_fraction=0.25),
    "constant": dict(peak=0.5, warmup=6, total=12, decay="constant", final_fraction=0.0),
}


def trajectory(case, dtype, start, x, targets, keep):
    weights = {k: v.to(dtype).clone().requires_grad_() for k, v in start.items()}
    groups = [dict(params=[w], weight_decay=case["weight_decay"] if k in case["decayed"] else 0.0)
              for k, w in weights.items()]
    if case["kind"] == "sgd":
        optimiser = torch.optim.SGD(groups, lr=case["rate"], momentum=case["momentum"])
    else:
        optimiser = torch.optim.AdamW(groups, lr=case["rate"], eps=case["epsilon"],
                                      betas=(case["beta1"], case["beta2"]))
    for step in range(STEPS):
        optimiser.zero_grad()
        hidden = F.silu(x.to(dtype) @ weights["w1"] + weights["b1"])
        loss = F.cross_entropy(hidden @ weights["w2"], targets)
        loss.backward()
        limit = case["clip"] if case["clip"] is not None else float("inf")
        norm = torch.nn.utils.clip_grad_norm_(weights.values(), limit)
        keep[f"step{step}/loss"], keep[f"step{step}/norm"] = loss.detach(), norm
        for name, weight in weights.items():
            keep[f"step{step}/grad/{name}"] = weight.grad.clone()
        optimiser.step()
        for name, weight in weights.items():
            keep[f"step{step}/{name}"] = weight.detach().clone()


def rates(peak, warmup, total, decay, final_fraction):
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=peak)
    left = total - warmup
    if decay == "cosine":
        later = CosineAnnealingLR(optimiser, T_max=left, eta_min=peak * final_fraction)
    elif decay == "linear":
        later = LinearLR(optimiser, start_factor=1.0, end_factor=final_fraction, total_iters=left)
    else:
        later = ConstantLR(optimiser, factor=1.0, total_iters=left)
    schedule = later
    if warmup > 1:
        rise = LinearLR(optimiser, start_factor=1 / warmup, end_factor=1.0, total_iters=warmup - 1)
        schedule = SequentialLR(optimiser, [rise, later], milestones=[warmup])
    elif warmup == 1:  # step 0 is the peak already; the decay starts one step later
        rise = ConstantLR(optimiser, factor=1.0, total_iters=1)
        schedule = SequentialLR(optimiser, [rise, later], milestones=[1])
    found = []
    for _ in range(total + 1):
        found.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    return torch.tensor(found, dtype=torch.float64)


generator = torch.Generator().manual_seed(5)
x = torch.randn(6, 5, generator=generator)
targets = torch.tensor([0, 1, 2, 2, 1, 0])
start = {k: torch.randn(shape, generator=generator) for k, shape in NAMES.items()}
tensors = {}
for label, dtype in (("f32", torch.float32), ("f64", torch.float64)):
    tensors |= {f"{label}/x": x.to(dtype), f"{label}/targets": targets}
    tensors |= {f"{label}/start/{k}": v.to(dtype) for k, v in start.items()}
    for name, case in CASES.items():
        keep = {}
        trajectory(case, dtype, start, x, targets, keep)
        tensors |= {f"{label}/{name}/{k}": v for k, v in keep.items()}
        if case["clip"] is not None:
            norms = [keep[f"step{t}/norm"].item() for t in range(STEPS)]
            assert max(norms) > case["clip"], norms
            print(name, "norms", [round(n, 3) for n in norms], "limit", case["clip"])
tensors = {k: v.contiguous().clone() for k, v in tensors.items()}
save_file(tensors, HERE / "optimisers.safetensors", {"torch": torch.__version__})
schedules = {name: rates(**settings) for name, settings in SCHEDULES.items()}
save_file(schedules, HERE / "schedules.safetensors", {"torch": torch.__version__})
for path in HERE.glob("*.safetensors"):
    path.chmod(0o644)
    print(path.name, path.stat().st_size)
for name, values in schedules.items():
    print(name, [f"{v:.3g}" for v in values[:12].tolist()], "...", values[-1].item())
(HERE / "optimisers.json").write_text(
    json.dumps({"cases": CASES, "schedules": SCHEDULES}, indent=2) + "\n")
