"""The recipe of `linear-finetuning` in PyTorch, timed against the command: python linear_finetuning.py THETASCOPE [STEPS]

One seed of the paper's recipe (Lee, Sohn and Lee 2026, arXiv 2602.23197): pre-training and six fine-tunings, batch 5000,
5000 iterations each, SGD with momentum and clipping, float32, written as one would write it: prompts as tensors, attention
as three products, loss.backward(). PyTorch runs STEPS iterations of each phase (default 100) and its time is scaled to 5000;
the command runs in full. Both times are processor time (user + system) of a process with one thread, which other work on
the machine hardly changes. Writes data/benchmarks/linear_finetuning.csv.
"""

import csv
import datetime
import pathlib
import platform
import resource
import subprocess
import sys
import tempfile
import time

import torch

ROOT = pathlib.Path(__file__).resolve().parents[2]
D, SHOTS, BATCH, ITERATIONS, NOISE = 5, 20, 5000, 5000, 0.1 ** 0.5
WIDTH = D + 2


def prompts(tokens, pool=None):
    if pool is not None:
        points = pool[torch.randint(len(pool), (BATCH, tokens))]
    else:
        theta = torch.nn.functional.normalize(torch.randn(BATCH, D), dim=1)
        x = torch.randn(BATCH, tokens, D)
        y = torch.einsum("bnd,bd->bn", x, theta) + NOISE * torch.randn(BATCH, tokens)
        points = torch.cat([x, y.unsqueeze(-1)], dim=-1)
    z = torch.cat([torch.ones(BATCH, tokens, 1), points], dim=-1)
    target = z[:, -1, -1].clone()
    z[:, -1, -1] = 0
    return z, target


def predicted(z, query_key, value):
    """One layer of linear self-attention; the residual's y is 0 at the query."""
    scores = torch.einsum("bi,ij,bmj->bm", z[:, -1], query_key, z)
    return (scores * (z @ value)).mean(dim=1)


def train(start, steps, trained, zero_shot, few_shot, pool=None):
    weights = [tensor.clone().requires_grad_(name in trained) for name, tensor in zip(("query_key", "value"), start)]
    own = [tensor for tensor in weights if tensor.requires_grad]
    optimiser = torch.optim.SGD(own, lr=0.01, momentum=0.9)
    for step in range(steps):
        z, target = prompts(SHOTS + 1 if few_shot else 1, pool)
        loss = 0
        if zero_shot:
            loss = loss + ((predicted(z[:, -1:], *weights) - target) ** 2).mean()
        if few_shot:
            share = (steps - 1 - step) / (steps - 1) if zero_shot else 1
            loss = loss + share * ((predicted(z, *weights) - target) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(own, 1.0)
        optimiser.step()
    return [tensor.detach() for tensor in weights]


def pytorch(steps):
    """Processor seconds of pre-training and of the six fine-tunings, scaled to all iterations."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    start = [0.05 * torch.randn(WIDTH, WIDTH), 0.05 * torch.randn(WIDTH)]
    theta = torch.nn.functional.normalize(torch.randn(D), dim=0)
    x = torch.randn(100_000, D)
    pool = torch.cat([x, (x @ theta + NOISE * torch.randn(100_000)).unsqueeze(-1)], dim=1)
    train(start, 3, ("query_key", "value"), False, True)
    began = time.process_time()
    pretrained = train(start, steps, ("query_key", "value"), False, True)
    for few_shot in (False, True):
        for trained in (("query_key", "value"), ("query_key",), ("value",)):
            train(pretrained, steps, trained, True, few_shot, pool)
    return (time.process_time() - began) * ITERATIONS / steps


def command(binary):
    """Processor seconds of the command, its 50,000 test prompts a number included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [binary, "run", str(ROOT / "probes/linear-finetuning.yaml"), "--set", "seeds=[0]", "--threads", "1",
             "--quiet", "--out", f"{folder}/out"], check=True, cwd=ROOT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    steps = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    ours, theirs = command(sys.argv[1]), pytorch(steps)
    cpu = next(
        (line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine())
    path = ROOT / "data/benchmarks/linear_finetuning.csv"
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["date", "cpu", "toolkit", "processor_s_one_thread", "measured_iterations", "ratio"])
        for name, seconds, measured in [
            ("thetascope", ours, ITERATIONS), (f"torch {torch.__version__}", theirs, steps),
        ]:
            writer.writerow([
                datetime.date.today().isoformat(), cpu, name, f"{seconds:.1f}", measured, f"{seconds / ours:.2f}"])
    print(path.read_text())


if __name__ == "__main__":
    main()
