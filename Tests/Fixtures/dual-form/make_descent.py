# Gradient descent and GD++ of von Oswald et al. 2023 (arXiv 2212.07677, proposition 1 and section 3.2) on in-context least
# squares in PyTorch, float64, with autograd's gradient and matrices, in no way as attention: a step is one of gradient
# descent from W = 0 on what is left of the targets, with step size eta on sum_i (W x_i - y_i)^2 / 2N; then every x, the
# query's too, becomes (I - gamma X X^T) x. The prediction is the sum of what the steps give for the query.
#
# Python 3.11, torch 2.13.0+cpu:  python make_descent.py > descent.json
import json

import torch

torch.manual_seed(20261125)
torch.set_default_dtype(torch.float64)
D, SHOTS, PROMPTS = 5, 7, 4


def prediction(x, y, query, eta, gamma, steps):
    """x: [N, d], y: [N]."""
    total = torch.zeros(())
    for _ in range(steps):
        w = torch.zeros(D, requires_grad=True)
        loss = ((x @ w - y) ** 2).sum() / (2 * len(y))
        (gradient,) = torch.autograd.grad(loss, w)
        moved = -eta * gradient
        total = total + moved @ query
        y = y - x @ moved
        transform = torch.eye(D) - gamma * x.T @ x
        x, query = x @ transform.T, transform @ query
    return total


def main():
    x = 1.4 * (torch.rand(PROMPTS, SHOTS, D) - 0.5)
    query = 1.4 * (torch.rand(PROMPTS, D) - 0.5)
    w = torch.randn(PROMPTS, D)
    y = torch.einsum("pnd,pd->pn", x, w)
    cases = []
    for steps in (1, 2, 3, 4):
        for eta, gamma in ((1.3, 0.0), (1.3, 0.13), (2.9, 0.05), (0.7, 0.31)):
            found = [prediction(x[p], y[p], query[p], eta, gamma, steps).item() for p in range(PROMPTS)]
            cases.append({"steps": steps, "eta": eta, "gamma": gamma, "predictions": found})
    print(json.dumps({"dimension": D, "shots": SHOTS, "x": x.tolist(), "y": y.tolist(), "query": query.tolist(),
                      "cases": cases}))


if __name__ == "__main__":
    main()
