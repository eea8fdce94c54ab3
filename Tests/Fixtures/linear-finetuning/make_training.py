# Pre-training and fine-tuning of one layer of linear self-attention in PyTorch, float64: its own autograd,
# torch.nn.utils.clip_grad_norm_ and torch.optim.SGD on given prompts. Written from the protocol of Lee, Sohn and Lee 2026
# (arXiv 2602.23197): Out = Z + (1/N) (Z Q Z^T)(Z V^T), the prediction the last entry of the last row, the query's own y hidden;
# fine-tuning on the query alone, with and without the loss on the whole prompt, whose weight is (T - 1 - t) / (T - 1).
# Initial weights are ten times the paper's and the bound of the norm is twice, so that it is clipped in some steps and not in
# others: the script refuses to write where either is missing.
#
# Python 3.11, torch 2.13.0+cpu:  python make_training.py > training.json
import json

import torch

torch.manual_seed(20261125)
torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
D, SHOTS, BATCH, STEPS, POOL = 2, 3, 11, 20, 40
WIDTH, NOISE = D + 2, 0.1
RATE, MOMENTUM, CLIP = 0.01, 0.9, 2.0
WAYS = {  # which matrices are trained, and the weight of the few-shot loss at the first step
    "merged": [("fine_tuned_all", "QV", 0), ("fine_tuned_query_key", "Q", 0), ("fine_tuned_value", "V", 0),
               ("fine_tuned_all_auxiliary", "QV", 1), ("fine_tuned_query_key_auxiliary", "Q", 1),
               ("fine_tuned_value_auxiliary", "V", 1)],
    "separate": [("fine_tuned_all", "QKV", 0), ("fine_tuned_query_key", "QK", 0), ("fine_tuned_value", "V", 0),
                 ("fine_tuned_all_auxiliary", "QKV", 1), ("fine_tuned_query_key_auxiliary", "QK", 1),
                 ("fine_tuned_value_auxiliary", "V", 1), ("fine_tuned_query", "Q", 0), ("fine_tuned_key", "K", 0),
                 ("fine_tuned_query_auxiliary", "Q", 1), ("fine_tuned_key_auxiliary", "K", 1)],
}
NAMES = {"merged": {"Q": "query_key", "V": "value"}, "separate": {"Q": "query", "K": "key", "V": "value"}}


def rounded(x):
    """What stands in the file is what was computed with."""
    return torch.round(x * 1000) / 1000


def prediction(weights, prompts):
    """prompts: [B, N, d + 1], the query last."""
    z = torch.cat([torch.ones(*prompts.shape[:2], 1), prompts], dim=-1)
    z[:, -1, -1] = 0
    if "K" in weights:
        scores = (z @ weights["Q"].T) @ (z @ weights["K"].T).transpose(1, 2)
    else:
        scores = z @ weights["Q"] @ z.transpose(1, 2)
    return (z + scores @ (z @ weights["V"].T) / z.shape[1])[:, -1, -1]


def loss(weights, prompts):
    return torch.mean((prediction(weights, prompts) - prompts[:, -1, -1]) ** 2)


def trained(start, steps, which, zero, few, annealed):
    weights = {name: value.clone().requires_grad_(name in which) for name, value in start.items()}
    own = [value for name, value in weights.items() if name in which]
    optimiser = torch.optim.SGD(own, lr=RATE, momentum=MOMENTUM)
    clipped = 0
    for t, prompts in enumerate(steps):
        optimiser.zero_grad()
        now = few * (STEPS - 1 - t) / (STEPS - 1) if annealed else few
        total = now * loss(weights, prompts)
        if zero:
            total = total + zero * loss(weights, prompts[:, -1:])
        total.backward()
        clipped += int(torch.nn.utils.clip_grad_norm_(own, CLIP) > CLIP)
        optimiser.step()
    assert 0 < clipped < STEPS, (which, zero, few, clipped)
    return {name: value.detach() for name, value in weights.items()}, clipped


def main():
    theta = torch.nn.functional.normalize(torch.randn(STEPS, BATCH, 1, D), dim=-1)
    x = rounded(torch.randn(STEPS, BATCH, SHOTS + 1, D))
    y = rounded((x * theta).sum(-1, keepdim=True) + NOISE ** 0.5 * torch.randn(STEPS, BATCH, SHOTS + 1, 1))
    pretraining = torch.cat([x, y], dim=-1)
    target = torch.nn.functional.normalize(torch.randn(D), dim=0)
    x = rounded(torch.randn(POOL, D))
    pool = torch.cat([x, rounded(x @ target + NOISE ** 0.5 * torch.randn(POOL))[:, None]], dim=-1)
    drawn = torch.randint(0, POOL, (STEPS, BATCH, SHOTS + 1))
    result = {"dimension": D, "shots": SHOTS, "batch": BATCH, "steps": STEPS, "rate": RATE, "momentum": MOMENTUM,
              "clip": CLIP, "pretraining": pretraining.flatten(0, 1).tolist(), "pool": pool.tolist(),
              "drawn": drawn.flatten(0, 1).tolist()}
    for form, ways in WAYS.items():
        names = NAMES[form]

        def shown(weights):
            return {names[name]: value.flatten().tolist() for name, value in weights.items()}

        start = {name: rounded(0.5 * torch.randn(WIDTH, WIDTH)) for name in names}
        before, clipped = trained(start, pretraining, "QKV", 0, 1, False)
        runs = [{"condition": "pretrained", "clipped": clipped, **shown(before)}]
        for condition, which, few in ways:
            after, clipped = trained(before, pool[drawn], which, 1, few, True)
            assert all(torch.equal(after[name], before[name]) != (name in which) for name in names)
            runs.append({"condition": condition, "clipped": clipped, **shown(after)})
        result[form] = {"start": shown(start), "runs": runs}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
