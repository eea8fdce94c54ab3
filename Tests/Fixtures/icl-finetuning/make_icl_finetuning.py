# In-context learning against fine-tuning, computed a second time: Hugging Face transformers with forward hooks,
# torch.optim.SGD on the key and value projections, NumPy and SciPy for the metrics, all in float64.
#
# The models are the tiny random ones of ../families (weights stored in f32). Prompts are tokens drawn here. For each
# model and method icl-finetuning.json holds the prompts, and for every layer and query what Dai et al. 2023 and Deutch
# et al. 2024 define: SimAOU (normalised and not), SimAM before and after fine-tuning, the SimAM of updates, Kendall's
# tau-b of the attention to training tokens and its top-k recall, and the answers' mean log-probabilities.
#
# Python 3.11, torch 2.13.0+cpu, transformers 5.23.0, numpy 2.4.6, scipy 1.17.1:  python make_icl_finetuning.py
import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from scipy import stats
from transformers import AutoModelForCausalLM

torch.set_num_threads(1)
HERE = Path(__file__).parent
FAMILIES = HERE.parent / "families"
TOP_TOKENS, TOP_EXAMPLES = 6, 2

SETTINGS = [  # model, BOS, separator, method, learning rate, epochs
    ("gpt2-tiny", [], [3], "keys_and_values", 0.02, 1),
    ("gpt2-tiny", [0], [0], "values", 0.02, 2),
    ("gpt2-tiny", [0], [0], "layer_causal", 0.01, 1),
    ("llama-gqa", [1], [2], "keys_and_values", 0.02, 1),
    ("llama-gqa", [1], [2], "all", 0.002, 1),
    ("llama-gqa", [], [5], "layer_causal", 0.01, 1),
]


class Probe:
    """A model and what its attention modules saw in the last forward pass."""

    def __init__(self, name):
        self.model = AutoModelForCausalLM.from_pretrained(
            FAMILIES / name, dtype=torch.float64, attn_implementation="eager").eval()
        self.config = self.model.config
        self.isGPT2 = self.config.model_type == "gpt2"
        base = self.model.transformer if self.isGPT2 else self.model.model
        self.layers = base.h if self.isGPT2 else base.layers
        self.final = base.ln_f if self.isGPT2 else base.norm
        self.heads = self.config.num_attention_heads
        self.width = self.config.hidden_size // self.heads
        self.out, self.stream, self.q, self.k = {}, {}, {}, {}
        self.detach = False
        for index, layer in enumerate(self.layers):
            attention = layer.attn if self.isGPT2 else layer.self_attn
            attention.register_forward_hook(self.keep(self.out, index, lambda o: o[0]))
            layer.register_forward_hook(
                self.keep(self.stream, index, lambda o: o[0] if isinstance(o, tuple) else o))
            layer.register_forward_pre_hook(self.cut)
            if self.isGPT2:
                attention.c_attn.register_forward_hook(self.keep(self.q, index, lambda o: o))
            else:
                attention.q_proj.register_forward_hook(self.keep(self.q, index, lambda o: o))
                attention.k_proj.register_forward_hook(self.keep(self.k, index, lambda o: o))

    def keep(self, where, index, part):
        def hook(module, inputs, output):
            where[index] = part(output)
        return hook

    def cut(self, module, inputs):
        return (inputs[0].detach(), *inputs[1:]) if self.detach else None

    def rotated(self, x, heads):
        """[tokens, heads, width] turned by position: pair i with i + width/2."""
        tokens, half = x.shape[0], self.width // 2
        rope = getattr(self.config, "rope_parameters", None) or {}
        base = rope.get("rope_theta", getattr(self.config, "rope_theta", 10000.0))
        angles = np.arange(tokens)[:, None] * base ** (-2 * np.arange(half) / self.width)[None]
        c, s = np.cos(angles)[:, None], np.sin(angles)[:, None]
        a, b = x[..., :half], x[..., half:]
        return np.concatenate([a * c - b * s, b * c + a * s], -1)

    def features(self, layer):
        """Queries and keys as they enter the scores, [tokens, heads, width]; keys repeated over groups."""
        if self.isGPT2:
            q, k, _ = self.q[layer][0].detach().numpy().reshape(-1, 3, self.heads, self.width).transpose(1, 0, 2, 3)
            return q, k
        q = self.q[layer][0].detach().numpy().reshape(-1, self.heads, self.width)
        groups = self.config.num_key_value_heads
        k = self.k[layer][0].detach().numpy().reshape(-1, groups, self.width)
        return self.rotated(q, self.heads), np.repeat(self.rotated(k, groups), self.heads // groups, 1)

    def scores(self, layer):
        """Pre-softmax scores of the last token, [heads, tokens]."""
        q, k = self.features(layer)
        return np.einsum("hd,thd->ht", q[-1], k) / np.sqrt(self.width)

    def run(self, tokens):
        return self.model(torch.tensor([tokens]), use_cache=False).logits[0]

    def trained(self, method):
        """Parameters, and for a fused matrix the columns that may change."""
        found = []
        for name, parameter in self.model.named_parameters():
            if method == "all":
                found.append((parameter, None))
            elif self.isGPT2 and ".c_attn." in name:
                third = parameter.shape[-1] // 3
                found.append((parameter, slice(2 * third if method == "values" else third, None)))
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
        return sum(F.cross_entropy(self.model.lm_head(self.final(self.stream[l][0]))[:-1], targets)
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
                for parameter, columns in trained:
                    if columns is not None:
                        parameter.grad[..., :columns.start] = 0
                optimiser.step()
        return queries


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
        probe.run(before + query)
        layers = range(len(probe.layers))
        return dict(
            answers=answers, h=[probe.out[l][0, -1].detach().numpy() for l in layers],
            m=[probe.scores(l) for l in layers], q=[probe.features(l)[0][-1] for l in layers])

    probe = Probe(name)
    icl = [look(probe, context, query) for query in queries]
    zero = [look(probe, list(bos), query) for query in queries]
    training = probe.finetune([list(bos) + t for t in demonstrations], method, rate, epochs)
    tuned = [look(probe, list(bos), query) for query in queries]
    rows = []
    for layer in range(len(probe.layers)):
        trained = np.concatenate([q[len(bos):] for q in training[layer]])  # [N, heads, width]
        for index, query in enumerate(queries):
            I, Z, T = icl[index], zero[index], tuned[index]
            hi, hz, ht = I["h"][layer], Z["h"][layer], T["h"][layer]
            mi = I["m"][layer][:, len(context):]
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
                                dict(zero_shot=zero, icl=icl, fine_tuned=tuned).items()}, rows=rows)


rng = np.random.default_rng(2212)
cases = [one(*setting, rng) for setting in SETTINGS]
(HERE / "icl-finetuning.json").write_text(json.dumps(dict(cases=cases), allow_nan=False) + "\n")
for case in cases:
    print(case["model"], case["method"], {k: round(mean([r[k] for r in case["rows"]]), 4) for k in case["rows"][0] if k not in ("layer", "query")})
