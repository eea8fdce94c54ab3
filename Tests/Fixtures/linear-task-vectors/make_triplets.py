"""Linear transformers on triplets in PyTorch, float64: predictions in context, task vectors and injected predictions.

Written from the equations of Dong et al. 2026 (arXiv 2506.09048, section 3): Z <- Z + (1/n) V Z M A, with
A_ij = c x_i.x_j + D_ij, V = diag(a I, b I) and M masking the last token as a key; losses and autograd's gradients with given
dropped tokens and flipped signs of positions. Run: python make_triplets.py > triplets.json
"""

import json

import torch

torch.manual_seed(20261125)
torch.set_default_dtype(torch.float64)
D, SHOTS, PROMPTS = 3, 3, 4
TOKENS = 3 * SHOTS + 3


def layer(z, a, b, c, positions):
    """z: [prompts, tokens, 2 D], or of one prompt."""
    x, y = z[..., :D], z[..., D:]
    scores = c * torch.einsum("...id,...jd->...ij", x, x) + positions
    scores[..., -1] = 0
    return z + torch.cat([a * scores @ x, b * scores @ y], dim=-1) / SHOTS


def noisy_layer(z, a, b, c, positions, keep, signs):
    """In training: attention reads a dropped token as zeros, query, key and value, and what it adds to it stays; D_ij counts
    times the signs of both positions. keep, signs: [prompts, tokens]."""
    shown = z * keep[..., None]
    x, y = shown[..., :D], shown[..., D:]
    scores = c * torch.einsum("pid,pjd->pij", x, x) + signs[:, :, None] * positions * signs[:, None, :]
    mask = torch.ones(TOKENS)
    mask[-1] = 0
    scores = scores * mask
    return z + torch.cat([a * scores @ x, b * scores @ y], dim=-1) / SHOTS


def training_case(layers):
    """Mean squared error of a coordinate and its gradients, with dropout alone, flips alone and both."""
    weights = [
        tuple(w.requires_grad_() for w in (*torch.randn(3).mul(0.6), torch.randn(TOKENS, TOKENS).mul(0.5)))
        for _ in range(layers)]
    x = torch.randn(PROMPTS, SHOTS + 1, D)
    y = torch.einsum("pij,pnj->pni", torch.randn(PROMPTS, D, D), x)
    z = torch.zeros(PROMPTS, TOKENS, 2 * D)
    z[:, 0::3, :D] = x
    z[:, 2::3, D:] = y
    z[:, -1] = 0
    keep = (torch.rand(layers, PROMPTS, TOKENS) < 0.6).double()
    keep[:, :, -3:] = 1
    flips = 1 - 2 * torch.randint(0, 2, (layers, PROMPTS, SHOTS + 1, 1)).double()
    signs = torch.cat([flips, torch.ones_like(flips), flips], dim=-1).flatten(2)
    runs = []
    for drops, turns in ((True, False), (False, True), (True, True)):
        stream = z
        for one, k, s in zip(weights, keep, signs):
            stream = noisy_layer(stream, *one, k if drops else torch.ones_like(k), s if turns else torch.ones_like(s))
        loss = ((stream[:, -1, D:] + y[:, -1]) ** 2).mean()
        flat = torch.autograd.grad(loss, [w for one in weights for w in one])
        runs.append({
            "drops": drops, "flips": turns, "loss": loss.item(),
            "gradients": [
                {name: g.flatten().tolist() for name, g in zip(("a", "b", "c", "position"), flat[4 * i:4 * i + 4])}
                for i in range(layers)]})
    return {
        "weights": [
            {name: w.flatten().tolist() for name, w in zip(("a", "b", "c", "position"), one)} for one in weights],
        "tokens": z.tolist(), "targets": y[:, -1].tolist(), "keep": keep.int().tolist(), "signs": signs.int().tolist(),
        "runs": runs}


def run(z, weights, start=0):
    streams = [z]
    for one in weights[start:]:
        streams.append(layer(streams[-1], *one))
    return streams


def main():
    cases = []
    for layers in (1, 2, 3):
        weights = [
            (*torch.randn(3).mul(0.6), torch.randn(TOKENS, TOKENS).mul(0.5)) for _ in range(layers)]
        w = torch.randn(PROMPTS, D, D)
        x = torch.randn(PROMPTS, SHOTS + 1, D)
        z = torch.zeros(PROMPTS, TOKENS, 2 * D)
        z[:, 0::3, :D] = x
        z[:, 2::3, D:] = torch.einsum("pij,pnj->pni", w, x)
        z[:, -1] = 0
        streams = run(z, weights)
        case = {
            "layers": layers,
            "weights": [
                {"a": a.item(), "b": b.item(), "c": c.item(), "position": p.flatten().tolist()}
                for a, b, c, p in weights],
            "tokens": z.tolist(),
            "prediction": (-streams[-1][:, -1, D:]).tolist(),
        }
        if layers > 1:
            vector = streams[1][:, -2]
            query = torch.randn(PROMPTS, D)
            alone = torch.zeros(PROMPTS, 3, 2 * D)
            alone[:, 0, :D] = query
            short = [(a, b, c, p[-3:, -3:]) for a, b, c, p in weights]
            first = layer(alone, *short[0])
            first[:, 1] = vector
            case["vector"] = vector.tolist()
            case["query"] = query.tolist()
            def answer(x):
                """The injected prediction of one prompt as a function of the query's x."""
                first = layer(torch.cat([torch.cat([x, torch.zeros(D)])[None], torch.zeros(2, 2 * D)]), *short[0])
                first = torch.stack([first[0], vector[prompt], first[2]])
                return -run(first, short, 1)[-1][-1, D:]

            case["maps"] = []
            for prompt in range(PROMPTS):
                case["maps"].append(torch.autograd.functional.jacobian(answer, torch.zeros(D)).tolist())
            case["injected"] = (-run(first, short, 1)[-1][:, -1, D:]).tolist()
        cases.append(case)
    print(json.dumps({"dimension": D, "shots": SHOTS, "cases": cases,
                      "training": [training_case(layers) for layers in (2, 3)]}))


if __name__ == "__main__":
    main()
