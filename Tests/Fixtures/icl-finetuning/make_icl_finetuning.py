# In-context learning against fine-tuning, computed a second time: Hugging Face transformers with forward hooks,
# torch.optim.SGD on the key and value projections, NumPy and SciPy for the metrics, all in float64.
#
# The models are the tiny random ones of ../families (weights stored in f32); the linear ones run through the plain torch
# of ../families/make_linear.py, which is asserted against flash-linear-attention there. Prompts are tokens drawn here.
# For each model and method icl-finetuning.json holds the prompts, and for every layer and query what Dai et al. 2023 and
# Deutch et al. 2024 define: SimAOU (normalised and not), SimAM before and after fine-tuning, the SimAM of updates,
# Kendall's tau-b of the attention to training tokens and its top-k recall; for every head the dual form of the first query; the answers'
# mean log-probabilities; and of Shen et al. 2024 the overlap of outputs and the sensitivity to the order.
#
# Python 3.11, torch 2.13.0+cpu, transformers 5.23.0, numpy 2.4.6, scipy 1.17.1:  python make_icl_finetuning.py
import json
import sys
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from scipy import linalg, stats
from transformers import AutoModelForCausalLM

torch.set_num_threads(1)
HERE = Path(__file__).parent
FAMILIES = HERE.parent / "families"
TOP_TOKENS, TOP_EXAMPLES, TOP_OUTPUTS, RANK = 6, 2, 10, 2
ORDERS = [[0, 1, 2, 3], [3, 1, 0, 2], [2, 3, 1, 0]]
# Only make_linear.reference is wanted, which needs no flash-linear-attention.
for name in ("", ".layers", ".layers.linear_attn", ".modules", ".modules.mlp", ".models", ".models.linear_attn",
             ".modules.norm", ".modules.norm.layernorm", ".ops", ".ops.linear_attn", ".ops.linear_attn.naive"):
    sys.modules["fla" + name] = MagicMock()
sys.path.insert(0, str(FAMILIES))
from make_linear import reference  # noqa: E402

SETTINGS = [  # model, BOS, separator, method, learning rate, epochs
    ("gpt2-tiny", [], [3], "keys_and_values", 0.02, 1),
    ("gpt2-tiny", [0], [0], "values", 0.02, 2),
    ("gpt2-tiny", [0], [0], "layer_causal", 0.01, 1),
    ("llama-gqa", [1], [2], "keys_and_values", 0.02, 1),
    ("llama-gqa", [1], [2], "all", 0.002, 1),
    ("llama-gqa", [], [5], "layer_causal", 0.01, 1),
    ("neox-tiny", [0], [0], "keys_and_values", 0.02, 1),
    ("neox-tiny", [], [3], "layer_causal", 0.01, 1),
    ("linear-decay", [1], [2], "keys_and_values", 0.02, 1),
    ("linear-fla", [], [2], "values", 0.02, 2),
]


class Probe:
    """A model and what its attention modules saw in the last forward pass."""

    def __init__(self, name):
        self.model = AutoModelForCausalLM.from_pretrained(
            FAMILIES / name, dtype=torch.float64, attn_implementation="eager").eval()
        self.config = self.model.config
        self.kind = self.config.model_type
        base = {"gpt2": "transformer", "llama": "model", "gpt_neox": "gpt_neox"}[self.kind]
        base = getattr(self.model, base)
        self.layers = base.h if self.kind == "gpt2" else base.layers
        self.final = getattr(base, {"gpt2": "ln_f", "llama": "norm", "gpt_neox": "final_layer_norm"}[self.kind])
        self.unembed = self.model.get_output_embeddings()
        self.heads = self.config.num_attention_heads
        self.width = self.config.hidden_size // self.heads
        self.scale, self.decay = self.width ** -0.5, np.ones(self.heads)
        self.out, self.stream, self.q, self.k, self.v, self.z = {}, {}, {}, {}, {}, {}
        self.detach = False
        for index, layer in enumerate(self.layers):
            attention = {"gpt2": "attn", "llama": "self_attn", "gpt_neox": "attention"}[self.kind]
            attention = getattr(layer, attention)
            attention.register_forward_hook(self.keep(self.out, index, lambda o: o[0]))
            layer.register_forward_hook(
                self.keep(self.stream, index, lambda o: o[0] if isinstance(o, tuple) else o))
            layer.register_forward_pre_hook(self.cut)
            fused = {"gpt2": "c_attn", "gpt_neox": "query_key_value"}.get(self.kind)
            for where, name in ((self.q, fused or "q_proj"), (self.k, "k_proj"), (self.v, "v_proj")):
                if hasattr(attention, name):
                    getattr(attention, name).register_forward_hook(self.keep(where, index, lambda o: o))
            last = {"gpt2": "c_proj", "llama": "o_proj", "gpt_neox": "dense"}[self.kind]
            getattr(attention, last).register_forward_pre_hook(
                lambda module, inputs, index=index: self.z.__setitem__(index, inputs[0]))

    def keep(self, where, index, part):
        def hook(module, inputs, output):
            where[index] = part(output)
        return hook

    def cut(self, module, inputs):
        return (inputs[0].detach(), *inputs[1:]) if self.detach else None

    def rotated(self, x):
        """[tokens, heads, width] turned by position: pair i with i + half of what turns."""
        rope = getattr(self.config, "rope_parameters", None) or {}
        base = rope.get("rope_theta", getattr(self.config, "rope_theta", 10000.0))
        turning = int(self.width * rope.get("partial_rotary_factor", 1))
        half = turning // 2
        angles = np.arange(len(x))[:, None] * base ** (-2 * np.arange(half) / turning)[None]
        c, s = np.cos(angles)[:, None], np.sin(angles)[:, None]
        a, b = x[..., :half], x[..., half:turning]
        return np.concatenate([a * c - b * s, b * c + a * s, x[..., turning:]], -1)

    def features(self, layer):
        """Queries and keys as they enter the scores, and values, [tokens, heads, width], repeated over groups."""
        q = self.q[layer][0].detach().numpy()
        if self.kind == "gpt2":
            return q.reshape(-1, 3, self.heads, self.width).transpose(1, 0, 2, 3)
        if self.kind == "gpt_neox":
            q, k, v = q.reshape(-1, self.heads, 3, self.width).transpose(2, 0, 1, 3)
            return self.rotated(q), self.rotated(k), v
        groups = self.config.num_key_value_heads
        k, v = (x[layer][0].detach().numpy().reshape(-1, groups, self.width) for x in (self.k, self.v))
        k, v = (np.repeat(x, self.heads // groups, 1) for x in (self.rotated(k), v))
        return self.rotated(q.reshape(-1, self.heads, self.width)), k, v

    def scores(self, layer):
        """Pre-softmax scores of the last token, [heads, tokens]."""
        q, k, _ = self.features(layer)
        return np.einsum("hd,thd->ht", q[-1], k) / np.sqrt(self.width)

    def output(self, layer):
        """What each head of the last token read, [heads, width]."""
        return self.z[layer][0, -1].detach().numpy().reshape(self.heads, self.width)

    def run(self, tokens):
        return self.model(torch.tensor([tokens]), use_cache=False).logits[0]

    def trained(self, method):
        """Parameters, and for a fused matrix 1 where it may not change."""
        found = []
        for name, parameter in self.model.named_parameters():
            if method == "all":
                found.append((parameter, None))
            elif self.kind == "gpt2" and ".c_attn." in name:
                third = parameter.shape[-1] // 3
                frozen = torch.zeros_like(parameter)
                frozen[..., :2 * third if method == "values" else third] = 1
                found.append((parameter, frozen))
            elif ".query_key_value." in name:
                frozen = torch.zeros_like(parameter).view(self.heads, 3, self.width, -1)
                frozen[:, :2 if method == "values" else 1] = 1
                found.append((parameter, frozen.view(parameter.shape)))
            elif "v_proj" in name or ("k_proj" in name and method != "values"):
                found.append((parameter, None))
        return found

    def loss(self, tokens, method):
        """Mean negative log-likelihood of all tokens that have one before them."""
        targets = torch.tensor(tokens[1:])
        if method != "layer_causal":
            return F.cross_entropy(self.run(tokens)[:-1], targets)
        self.detach = True
        self.run(tokens)
        self.detach = False
        return sum(F.cross_entropy(self.unembed(self.final(self.stream[l][0]))[:-1], targets)
                   for l in range(len(self.layers)))

    def finetune(self, sequences, method, rate, epochs):
        """One step of SGD a sequence, in order; gives the queries of the last epoch, before each step."""
        trained = self.trained(method)
        optimiser = torch.optim.SGD([p for p, _ in trained], lr=rate)
        for epoch in range(epochs):
            queries = [[] for _ in self.layers]
            for tokens in sequences:
                optimiser.zero_grad()
                self.loss(tokens, method).backward()
                for layer in range(len(self.layers)):
                    queries[layer].append(self.features(layer)[0])
                for parameter, frozen in trained:
                    if frozen is not None:
                        parameter.grad[frozen == 1] = 0
                optimiser.step()
        return queries


class LinearProbe(Probe):
    """The same for linear attention."""

    def __init__(self, name):
        self.config = json.loads((FAMILIES / name / "config.json").read_text())
        self.weights = {k: v.double().requires_grad_() for k, v in load_file(FAMILIES / name / "model.safetensors").items()}
        self.layers = range(self.config["num_hidden_layers"])
        self.heads = self.config["num_heads"]
        self.decay = np.array(self.config.get("decay") or [1.0] * self.heads)

    def run(self, tokens):
        logits, self.points, _ = reference(self.config, self.weights, torch.tensor(tokens))
        self.scale = self.points["blocks.0.attn.hook_phi_q"].shape[-1] ** -0.5
        self.out = {l: self.point(l, "out")[None] for l in self.layers}
        return logits

    def point(self, layer, name):
        return self.points[f"blocks.{layer}.attn.hook_{name}"].detach()

    def features(self, layer):
        q, k, v = (self.point(layer, name).numpy() for name in ("phi_q", "phi_k", "v"))
        return q, *(np.repeat(x, self.heads // x.shape[1], 1) for x in (k, v))

    def scores(self, layer):
        return self.point(layer, "attn_scores")[:, -1].numpy()

    def output(self, layer):
        """Before any normaliser and norm."""
        return np.einsum("ht,thd->hd", self.scores(layer), self.features(layer)[2])

    def trained(self, method):
        return [(p, None) for name, p in self.weights.items()
                if "v_proj" in name or ("k_proj" in name and method != "values")]


def cosine(x, y):
    return float(x @ y / (np.linalg.norm(x) * np.linalg.norm(y)))


def update_cosine(a, b, zero):
    """cos(a - zero, b - zero); None where an update is within f32 rounding, as in layer 0 of rotary models."""
    floor = 1e-5 * np.linalg.norm(zero)
    if np.linalg.norm(a - zero) <= floor or np.linalg.norm(b - zero) <= floor:
        return None
    return cosine(a - zero, b - zero)


def mean(values):
    values = [v for v in values if v is not None]
    return float(np.mean(values)) if values else None


def unit(x):
    return x / np.linalg.norm(x)


def recall(x, y, k):
    return len(set(np.argsort(-x, kind="stable")[:k]) & set(np.argsort(-y, kind="stable")[:k])) / k


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def written(probe, layer, head, tokens):
    """Sum of key outer value of the tokens, as the last token reads it."""
    _, k, v = probe.features(layer)
    return sum((probe.decay[head] ** (len(k) - 1 - t) * np.outer(k[t, head], v[t, head]) for t in tokens),
               np.zeros((k.shape[2], v.shape[2])))


def principal(a, b):
    """Cosines of the angles between the leading left singular vectors, greatest first."""
    leading = [np.linalg.svd(x)[0][:, :RANK] for x in (a, b)]
    return np.sort(np.cos(linalg.subspace_angles(*leading)))[::-1]


def rounded(**values):
    return {k: v if v is None else round(float(v), 9) for k, v in values.items()}


def overlap(p, q):
    a, b = (np.argsort(-x, kind="stable")[:TOP_OUTPUTS] for x in (p, q))
    o = [t for t in a if t in b]
    cosine = None
    if 0 < len(o) < TOP_OUTPUTS:
        cosine = float(p[o] @ q[o] / np.sqrt((p[o] @ p[o]) * (q[o] @ q[o]) * (TOP_OUTPUTS - len(o))))
    return len(o) / TOP_OUTPUTS, cosine


def one(name, bos, separator, method, rate, epochs, rng):
    demonstrations = [rng.integers(6, 61, rng.integers(3, 6)).tolist() for _ in range(4)]
    queries = [rng.integers(6, 61, n).tolist() for n in (2, 4, 3)]
    labels = [[7], [11], [13, 17]]
    context = list(bos)
    places = []
    for tokens in demonstrations:
        places += range(len(context), len(context) + len(tokens))
        context += tokens + separator
    owner = np.repeat(np.arange(len(demonstrations)), [len(t) for t in demonstrations])

    def look(probe, before, query):
        answers = []
        for label in labels:
            logits = probe.run(before + query + label)
            logs = torch.log_softmax(logits, -1)[len(before + query) - 1:-1]
            answers.append(float(logs[range(len(label)), label].mean().detach()))
        p = probe.run(before + query)[-1].softmax(-1).detach().numpy()
        layers = range(len(probe.layers))
        n = len(before)
        own = [t for t in range(n + len(query)) if t < len(bos) or t >= n]
        W = [[(written(probe, l, h, range(len(bos), n)), written(probe, l, h, own), probe.output(l)[h],
               probe.features(l)[0][-1, h]) for h in range(probe.heads)] for l in layers]
        return dict(
            answers=answers, p=p, W=W, h=[probe.out[l][0, -1].detach().numpy() for l in layers],
            m=[probe.scores(l) for l in layers], q=[probe.features(l)[0][-1] for l in layers])

    probe = LinearProbe(name) if name.startswith("linear") else Probe(name)
    orders = [[probe.run(list(bos) + sum((demonstrations[i] + separator for i in order), []) + query)[-1]
               .softmax(-1).detach().numpy() for order in ORDERS] for query in queries]
    scale = probe.scale if name.startswith("linear") else 1  # softmax: the relaxed form, without softmax and scale
    icl = [look(probe, context, query) for query in queries]
    zero = [look(probe, list(bos), query) for query in queries]
    training = probe.finetune([list(bos) + t for t in demonstrations], method, rate, epochs)
    tuned = [look(probe, list(bos), query) for query in queries]
    outputs = [overlap(I["p"], T["p"]) for I, T in zip(icl, tuned)]
    rows, dual = [], []
    for layer in range(len(probe.layers)):
        trained = np.concatenate([q[len(bos):] for q in training[layer]])  # [N, heads, width]
        for index, query in enumerate(queries):
            I, Z, T = icl[index], zero[index], tuned[index]
            hi, hz, ht = I["h"][layer], Z["h"][layer], T["h"][layer]
            mi = I["m"][layer][:, len(context):]
            for head in range(probe.heads if index == 0 else 0):
                (given, own, read, q), (_, before, _, _), (_, after, _, _) = (x["W"][layer][head] for x in (I, Z, T))
                asked, update = own - before, after - before
                whole = scale * q @ (before + given + asked)
                angles, askedAngles = principal(given, update), principal(asked, update)
                # Where the demonstrations change no key and value of the query, only rounding would be compared.
                moves = np.linalg.norm(asked) > 1e-5 * np.linalg.norm(before)
                dual.append(dict(
                    layer=layer, head=head,
                    icl=rounded(
                        dual_norm=np.linalg.norm(given), dual_norm_query=np.linalg.norm(asked),
                        dual_residual=np.linalg.norm(read - whole) / np.linalg.norm(read),
                        dual_cosine_icl_query=cosine(given.ravel(), asked.ravel()) if moves else None),
                    fine_tuned=rounded(
                        dual_norm=np.linalg.norm(update), dual_cosine=cosine(given.ravel(), update.ravel()),
                        dual_cosine_query=cosine(asked.ravel(), update.ravel()) if moves else None,
                        dual_principal_cosine_first=angles[0], dual_principal_cosine_last=angles[1],
                        dual_principal_cosine_query_first=askedAngles[0] if moves else None,
                        dual_principal_cosine_query_last=askedAngles[1] if moves else None)))
            mz, mt = Z["m"][layer][:, len(bos):], T["m"][layer][:, len(bos):]
            heads = range(len(mi))
            a = I["m"][layer][:, places].sum(0)
            b = np.einsum("thd,hd->t", trained, T["q"][layer])
            # The same token at the same place has the same query: a tie, which the sums' rounding must not break.
            a, b = a.round(9), b.round(9)
            ea, eb = (np.bincount(owner, softmax(x)) for x in (a, b))
            rows.append(dict(
                layer=layer, query=index,
                sim_aou=update_cosine(unit(hi), unit(ht), unit(hz)),
                sim_aou_unnormalised=update_cosine(hi, ht, hz),
                sim_aou_null=0.5 * np.sqrt((1 - cosine(hi, hz)) * (1 - cosine(ht, hz))),
                sim_am_before=float(np.mean([cosine(mi[h], mz[h]) for h in heads])),
                sim_am_after=float(np.mean([cosine(mi[h], mt[h]) for h in heads])),
                sim_am_delta=mean([update_cosine(mi[h], mt[h], mz[h]) for h in heads]),
                kendall_tau=float(stats.kendalltau(a, b).statistic),
                kendall_tau_examples=float(stats.kendalltau(ea, eb).statistic),
                recall_at_k=recall(a, b, TOP_TOKENS), recall_at_k_examples=recall(ea, eb, TOP_EXAMPLES)))
    return dict(
        model=name, bos=bos, separator=separator, method=method, rate=rate, epochs=epochs,
        top_tokens=TOP_TOKENS, top_examples=TOP_EXAMPLES, demonstrations=demonstrations, queries=queries,
        labels=labels, answers={k: [x["answers"] for x in v] for k, v in
                                dict(zero_shot=zero, icl=icl, fine_tuned=tuned).items()}, rows=rows,
        outputs=[dict(token_overlap=o, overlap_cosine=c, order_sensitivity=float(np.std(p, 0).sum()))
                 for (o, c), p in zip(outputs, orders)],
        orders=ORDERS, dual=dual)


rng = np.random.default_rng(2212)
cases = [one(*setting, rng) for setting in SETTINGS]
(HERE / "icl-finetuning.json").write_text(json.dumps(dict(cases=cases), allow_nan=False) + "\n")
for case in cases:
    print(case["model"], case["method"], {k: round(mean([r[k] for r in case["rows"]]), 4) for k in case["rows"][0] if k not in ("layer", "query")})
