"""Linear transformers on triplets in PyTorch, float64: predictions in context, task vectors and injected predictions.

Written from the equations of Dong et al. 2026 (arXiv 2506.09048, section 3): Z <- Z + (1/n) V Z M A, with
A_ij = c x_i.x_j + D_ij, V = diag(a I, b I) and M masking the last token as a key. Run: python make_triplets.py > triplets.json
"""

import json

import torch

torch.manual_seed(20261125)
torch.set_default_dtype(torch.float64)
D, SHOTS, PROMPTS = 3, 3, 4
TOKENS = 3 * SHOTS + 3


def layer(z, a, b, c, positions):
    """z: [prompts, tokens, 2 D]."""
    x, y = z[..., :D], z[..., D:]
    scores = c * torch.einsum("pid,pjd->pij", x, x) + positions
    scores[:, :, -1] = 0
    return z + torch.cat([a * scores @ x, b * scores @ y], dim=-1) / SHOTS


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
            case["injected"] = (-run(first, short, 1)[-1][:, -1, D:]).tolist()
        cases.append(case)
    print(json.dumps({"dimension": D, "shots": SHOTS, "cases": cases}))


if __name__ == "__main__":
    main()
