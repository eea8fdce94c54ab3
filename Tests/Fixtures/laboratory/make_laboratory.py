# What activation patching, the logit lens, function vectors, in-context vectors and vector arithmetic give on tiny random
# models, computed with nothing of this project: transformers' own modules with forward hooks (and one attention function
# that can be edited), and, for linear attention, a plain torch recurrence. Everything is float64 but for transformers'
# float32 islands (norms, rotary angles), which move nothing by more than 1e-6.
#
# The models are those of ../families. Prompts of patching and lens are words of the tests' tokenizer (Workspace.swift);
# those of function vectors and in-context vectors are token ids. Liu et al.'s principal component is scikit-learn's.
#
# Python 3.11, torch 2.13.0+cpu, transformers 5.23.0, scikit-learn 1.9.1, safetensors 0.8.0:  python make_laboratory.py
import itertools
import json
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from sklearn.decomposition import PCA
from transformers import AttentionInterface, AutoModelForCausalLM

torch.set_num_threads(1)
HERE = Path(__file__).parent
FAMILIES = HERE.parent / "families"

WORDS = ["red", "blue", "green", "pink", "grey", "cold", "warm", "hot", "wet", "dry", "one", "two",
         "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
PIECES = ["<unk>", "->", "\n", ","] + sorted(WORDS + [w.upper() for w in WORDS])


def tokens(text):
    pieces = text.replace("->", " -> ").replace("\n", " \n ").replace(",", " , ").split(" ")
    return [PIECES.index(p) for p in pieces if p]


CURRENT = None  # the run whose edits the attention function applies


def edited_attention(module, query, key, value, mask, scaling=None, dropout=0.0, **options):
    """softmax(q k scale) v with a causal mask, a window and a cap, its pattern through the current run's hooks."""
    groups = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    scores = query @ key.transpose(2, 3) * scale
    if options.get("softcap"):
        scores = torch.tanh(scores / options["softcap"]) * options["softcap"]
    length = query.shape[2]
    distance = torch.arange(length)[:, None] - torch.arange(length)[None]
    hidden = distance < 0
    if options.get("sliding_window"):
        hidden = hidden | (distance >= options["sliding_window"])
    pattern = scores.masked_fill(hidden, float("-inf")).softmax(-1)
    pattern = CURRENT.point(f"blocks.{module.layer_idx}.attn.hook_pattern", pattern[0])[None]
    return (pattern @ value).transpose(1, 2).contiguous(), pattern


AttentionInterface.register("edited", edited_attention)


class Run:
    """One forward pass: edits by hook name, and what every hook held after them."""

    def __init__(self, edits):
        self.edits, self.points = edits, {}

    def point(self, name, x):
        if name in self.edits:
            x = self.edits[name](x)
        self.points[name] = x
        return x


class Softmax:
    """A transformers model. Activations have no batch axis; heads are an axis of their own."""

    def __init__(self, name):
        self.model = AutoModelForCausalLM.from_pretrained(
            FAMILIES / name, dtype=torch.float64, attn_implementation="edited").eval()
        eager = AutoModelForCausalLM.from_pretrained(
            FAMILIES / name, dtype=torch.float64, attn_implementation="eager").eval()
        self.name, config = name, self.model.config
        self.heads = config.num_attention_heads
        self.gpt2 = name.startswith("gpt2")
        body = self.model.transformer if self.gpt2 else self.model.model
        self.blocks = body.h if self.gpt2 else body.layers
        self.final = body.ln_f if self.gpt2 else body.norm
        self.layers, self.sandwich = len(self.blocks), name.startswith("gemma2")
        self.cap = getattr(config, "final_logit_softcapping", None)
        for p in self.model.parameters():
            p.requires_grad_(False)
        ids = torch.arange(9)[None]
        with torch.no_grad():
            logits, points = self.run(list(range(9)))
        error = (logits - eager(ids).logits[0]).abs().max()
        assert error < 1e-5, (name, error)
        assert (self.lens(points[f"blocks.{self.layers - 1}.hook_resid_post"], True) - logits).abs().max() < 1e-6

    def output(self, layer):
        """W_O [H, d, D] and its bias."""
        block = self.blocks[layer]
        if self.gpt2:
            return block.attn.c_proj.weight.view(self.heads, -1, block.attn.c_proj.weight.shape[1]), \
                block.attn.c_proj.bias
        w = block.self_attn.o_proj
        return w.weight.T.reshape(self.heads, -1, w.weight.shape[0]), w.bias

    def unembedding(self):
        return self.model.lm_head.weight

    def lens(self, x, normed):
        logits = self.model.lm_head(self.final(x) if normed else x)
        return logits if self.cap is None else torch.tanh(logits / self.cap) * self.cap

    def run(self, ids, edits={}):
        global CURRENT
        CURRENT = run = Run(edits)
        handles = []

        def before(module, name, heads=False):
            def hook(module, arguments, keywords):
                key = None if arguments else "hidden_states"
                x = arguments[0] if arguments else keywords[key]
                y = x[0].view(len(ids), self.heads, -1) if heads else x[0]
                y = run.point(name, y).reshape(x.shape)
                return ((y,) + arguments[1:], keywords) if arguments else (arguments, keywords | {key: y})
            handles.append(module.register_forward_pre_hook(hook, with_kwargs=True))

        def after(module, change):
            def hook(module, arguments, output):
                x = output[0] if isinstance(output, tuple) else output
                y = change(x[0])[None]
                return (y,) + output[1:] if isinstance(output, tuple) else y
            handles.append(module.register_forward_hook(hook))

        def split(at, letters):
            def change(x):
                parts = x.chunk(len(letters), -1)
                width = self.model.config.hidden_size // self.heads if self.gpt2 else self.blocks[0].self_attn.head_dim
                return torch.cat([
                    run.point(f"{at}.attn.hook_{l}", p.reshape(len(ids), -1, width)).reshape(p.shape)
                    for l, p in zip(letters, parts)], -1)
            return change

        for i, b in enumerate(self.blocks):
            at = f"blocks.{i}"
            before(b, f"{at}.hook_resid_pre")
            if self.gpt2:
                after(b.attn.c_attn, split(at, "qkv"))
                before(b.attn.c_proj, f"{at}.attn.hook_z", True)
                attn, mlp = b.attn, b.mlp
            else:
                for letter in "qkv":
                    after(getattr(b.self_attn, f"{letter}_proj"), split(at, letter))
                before(b.self_attn.o_proj, f"{at}.attn.hook_z", True)
                attn = b.post_attention_layernorm if self.sandwich else b.self_attn
                mlp = b.post_feedforward_layernorm if self.sandwich else b.mlp
            after(attn, lambda x, at=at: run.point(f"{at}.hook_attn_out", x))
            after(mlp, lambda x, at=at: run.point(f"{at}.hook_mlp_out", x))
            after(b, lambda x, at=at: run.point(f"{at}.hook_resid_post", x))
        logits = self.model(torch.tensor(ids)[None], use_cache=False).logits[0]
        for handle in handles:
            handle.remove()
        return logits, run.points


def rms(x, weight, epsilon):
    return x / (x.pow(2).mean(-1, keepdim=True) + epsilon).sqrt() * weight


class Linear:
    """linear-decay: one fixed decay a head, rotary before elu + 1, RMS norm of each head's output; token by token."""

    def __init__(self, name):
        self.w = {k: v.double() for k, v in load_file(FAMILIES / name / "model.safetensors").items()}
        self.c = json.loads((FAMILIES / name / "config.json").read_text())
        assert self.c["feature_map"] == "elu" and not self.c["norm_feature_map"]
        self.name, self.layers, self.heads = name, self.c["num_hidden_layers"], self.c["num_heads"]
        self.decay = torch.tensor(self.c["decay"], dtype=torch.float64)[:, None, None]

    def output(self, layer):
        w = self.w[f"model.layers.{layer}.attn.o_proj.weight"]
        return w.T.reshape(self.heads, -1, w.shape[0]), None

    def unembedding(self):
        return self.w["model.embeddings.weight"]

    def final(self, x):
        return rms(x, self.w["model.norm.weight"], self.c["norm_eps"])

    def lens(self, x, normed):
        return (self.final(x) if normed else x) @ self.unembedding().T

    def rotate(self, x, start):
        half = x.shape[-1] // 2
        angle = torch.arange(start, start + len(x), dtype=torch.float64)[:, None] * \
            self.c["rope_theta"] ** (-torch.arange(half, dtype=torch.float64) / half)
        a, b = x[..., :half], x[..., half:]
        c, s = angle.cos()[:, None], angle.sin()[:, None]
        return torch.cat([a * c - b * s, b * c + a * s], -1)

    def run(self, ids, edits={}, start=0, initial=None):
        """The tokens stand at position start on, behind states that are given or empty."""
        run, w, eps, T = Run(edits), self.w, self.c["norm_eps"], len(ids)
        x = self.unembedding()[torch.tensor(ids)]
        for i in range(self.layers):
            at, p = f"blocks.{i}", f"model.layers.{i}"
            x = run.point(f"{at}.hook_resid_pre", x)
            h = rms(x, w[f"{p}.attn_norm.weight"], eps)
            q, k, v = (run.point(f"{at}.attn.hook_{l}", (h @ w[f"{p}.attn.{l}_proj.weight"].T).view(T, self.heads, -1))
                       for l in "qkv")
            q, k = (F.elu(self.rotate(y, start)) + 1 for y in (q, k))
            q, k = run.point(f"{at}.attn.hook_phi_q", q), run.point(f"{at}.attn.hook_phi_k", k)
            scale = q.shape[-1] ** -0.5
            writes = run.point(f"{at}.attn.hook_ssm_write", k[..., :, None] * v[..., None, :])
            states, state = [], torch.zeros_like(writes[0]) if initial is None else initial[i]
            for t in range(T):
                state = self.decay * state + writes[t]
                states.append(state)
            states = run.point(f"{at}.attn.hook_ssm_state", torch.stack(states))
            o = torch.einsum("thk,thkv->thv", q * scale, states)
            distance = torch.arange(T)[:, None] - torch.arange(T)[None]
            weight = torch.where(distance >= 0, self.decay ** distance.clamp(min=0), 0.0)
            pattern = torch.einsum("qhk,shk->hqs", q * scale, k) * weight
            o = o + torch.einsum("hqs,shv->qhv", run.point(f"{at}.attn.hook_pattern", pattern) - pattern, v)
            z = run.point(f"{at}.attn.hook_z", rms(o, w[f"{p}.attn.norm.weight"], eps))
            a = run.point(f"{at}.hook_attn_out", z.flatten(1) @ w[f"{p}.attn.o_proj.weight"].T)
            x = x + a
            h = rms(x, w[f"{p}.mlp_norm.weight"], eps)
            m = (F.silu(h @ w[f"{p}.mlp.gate_proj.weight"].T) * (h @ w[f"{p}.mlp.up_proj.weight"].T)) \
                @ w[f"{p}.mlp.down_proj.weight"].T
            x = x + run.point(f"{at}.hook_mlp_out", m)
            x = run.point(f"{at}.hook_resid_post", x)
        return self.lens(x, True), run.points


def number(x):
    return float(f"{float(x):.7g}")


def replace(donor, index):
    """Puts the donor's values at an index."""
    def edit(x):
        x = x.clone()
        x[index] = donor[index]
        return x
    return edit


# ---- Activation patching ---------------------------------------------------------------------------------------------

PAIRS = [("one->ONE\ntwo->TWO\nred->", "one->ONE\ntwo->TWO\nblue->", "RED", "BLUE"),
         ("hot->HOT\nwet->WET\ndry->", "hot->WET\nwet->HOT\nsix->", "DRY", "HOT")]
METRICS = ["logit_diff", "probability", "target_rank", "kl", "indirect_effect", "attribution_effect",
           "normalised_effect"]


def readings(logits, reference, answer, contrast):
    logs, own = reference.log_softmax(-1), logits.log_softmax(-1)
    return {"logit_diff": logits[answer] - logits[contrast], "probability": own[answer].exp(),
            "target_rank": (logits > logits[answer]).sum().double(), "kl": (logs.exp() * (logs - own)).sum()}


def patching(model, positions, heads, paths, everywhere):
    rows, agreement = [], []
    for direction in ("denoised", "noised"):
        totals, distance, errors, both = {}, 0.0, {}, {}
        for clean, corrupt, answer, contrast in PAIRS:
            clean, corrupt = tokens(clean), tokens(corrupt)
            answer, contrast = tokens(answer)[0], tokens(contrast)[0]
            ids, donor_ids = (corrupt, clean) if direction == "denoised" else (clean, corrupt)
            logits, own = model.run(ids, {f"blocks.{i}.{h}": lambda x: x.clone().requires_grad_()
                                          for i in range(model.layers) for h in ["hook_resid_pre"]})
            donor_logits, donor = model.run(donor_ids)
            reference, last = logits[-1].detach(), len(ids) - 1
            start = readings(reference, reference, answer, contrast)["logit_diff"]
            distance += float(readings(donor_logits[-1], reference, answer, contrast)["logit_diff"] - start)
            names = [f"blocks.{i}.{h}" for i in range(model.layers) for h in {*positions, *heads} if h != "attn.hook_pattern"]
            # Every activation hangs on the first block's input, so each has its gradient.
            found = torch.autograd.grad(logits[-1, answer] - logits[-1, contrast], [own[n] for n in names],
                                        allow_unused=True)
            slopes = {n: torch.zeros_like(own[n]) if g is None else g for n, g in zip(names, found)}

            def add(place, logits, predicted=None):
                read = readings(logits, reference, answer, contrast)
                read["indirect_effect"] = read["logit_diff"] - start
                if predicted is not None:
                    read["attribution_effect"] = predicted
                    errors.setdefault(place[0], []).append(abs(float(predicted - read["indirect_effect"])))
                    both.setdefault(place[0], []).append((float(predicted), float(read["indirect_effect"])))
                for metric, value in read.items():
                    totals[place + (metric,)] = totals.get(place + (metric,), 0.0) + float(value)

            with torch.no_grad():
                for i in range(model.layers):
                    for hook in positions:
                        name = f"blocks.{i}.{hook}"
                        for t in range(len(ids)):
                            index = (slice(None), t) if hook == "attn.hook_pattern" else t
                            out = model.run(ids, {name: replace(donor[name], index)})[0][-1]
                            predicted = None
                            if hook not in ("attn.hook_pattern", "attn.hook_ssm_state", "attn.hook_ssm_write"):
                                predicted = ((donor[name] - own[name])[t] * slopes[name][t]).sum()
                            add((hook, i, None, str(t), None), out, predicted)
                    for hook in heads:
                        name = f"blocks.{i}.{hook}"
                        count = donor[name].shape[0 if hook == "attn.hook_pattern" else 1]
                        for h in range(count):
                            where = slice(None) if everywhere else last
                            index = (h, where) if hook == "attn.hook_pattern" else (where, h)
                            out = model.run(ids, {name: replace(donor[name], index)})[0][-1]
                            predicted = None
                            if hook != "attn.hook_pattern":
                                predicted = ((donor[name] - own[name])[index] * slopes[name][index]).sum()
                            add((hook, i, h, "all" if everywhere else "last", None), out, predicted)
                for source, target in paths:
                    for i in range(model.layers):
                        name = f"blocks.{i}.{source}"
                        hasheads = source.startswith("attn.hook_") and source != "attn.hook_out"
                        for h in range(donor[name].shape[1] if hasheads else 1):
                            for j in range(model.layers):
                                order = ["hook_resid_pre", "attn.hook_q", "attn.hook_k", "attn.hook_v", "attn.hook_z",
                                         "hook_attn_out", "hook_mlp_out", "hook_resid_post"]
                                if (i, order.index(source)) >= (j, order.index(target)):
                                    continue
                                edits = {}
                                for m in range(model.layers):
                                    for held in ("hook_attn_out", "hook_mlp_out"):
                                        behind = (m, order.index(held)) > (i, order.index(source))
                                        ahead = (m, order.index(held)) < (j, order.index(target))
                                        carries = m == i and held == "hook_attn_out" and source.startswith("attn.")
                                        if behind and ahead and not carries:
                                            key = f"blocks.{m}.{held}"
                                            edits[key] = lambda x, key=key: own[key].detach()
                                edits[name] = replace(donor[name], (slice(None), h) if hasheads else slice(None))
                                reached = model.run(ids, edits)[1][f"blocks.{j}.{target}"]
                                out = model.run(ids, {f"blocks.{j}.{target}": lambda x: reached})[0][-1]
                                add((source, i, h if hasheads else None, "all", f"blocks.{j}.{target}"), out)
        n = len(PAIRS)
        places = {}
        for (*place, metric), total in totals.items():
            places.setdefault(tuple(place), {})[metric] = total
        for place, found in places.items():
            values = [number(found[m] / n) if m in found else None for m in METRICS[:-1]]
            rows.append([direction, *place, values + [number(found["indirect_effect"] / distance)]])
        for hook, values in errors.items():
            a = torch.tensor(both[hook], dtype=torch.float64).T
            agreement.append([direction, hook, number(sum(values) / len(values)), number(torch.corrcoef(a)[0, 1])])
    return {"model": model.name, "position_hooks": positions, "head_hooks": heads,
            "paths": [{"from": a, "to": b} for a, b in paths], "head_positions": "all" if everywhere else "last",
            "metrics": METRICS, "rows": rows, "agreement": agreement}


# ---- The lens --------------------------------------------------------------------------------------------------------

PROMPTS = [("one->ONE\ntwo->TWO\nred->", "RED"), ("hot->HOT\nwet->WET\ndry->", "DRY")]


def lens(model):
    rows, top, direct = [], [], []
    with torch.no_grad():
        states = [model.run(tokens(text)) for text, _ in PROMPTS]
        for normed in (True, False):
            for i in range(model.layers):
                for hook in ("hook_resid_pre", "hook_resid_post"):
                    mean = torch.stack([p[f"blocks.{i}.{hook}"][-1] for _, p in states]).mean(0)
                    logits = model.lens(mean, normed)
                    best = logits.topk(5)
                    top.append([normed, hook, i, best.indices.tolist(), [number(v) for v in best.values],
                                [number(v) for v in logits.softmax(-1)[best.indices]]])
                    for t in range(len(tokens(PROMPTS[0][0]))):
                        values, tied = [], False
                        for (text, answer), (_, points) in zip(PROMPTS, states):
                            answer = tokens(answer)[0]
                            logits = model.lens(points[f"blocks.{i}.{hook}"][t], normed)
                            # What a cap saturates ties in float32, so that it has no rank to compare.
                            tied |= bool(((logits - logits[answer]).abs() < 1e-5).sum() > 1)
                            values.append([(logits > logits[answer]).sum(), logits[answer], logits.softmax(-1)[answer]])
                        rank, logit, probability = torch.tensor(values, dtype=torch.float64).mean(0)
                        rows.append([normed, hook, i, str(t), None if tied else number(rank), number(logit),
                                     number(probability)])
        # What each module, and each head, adds to the logit of the answer over the mean of all logits (before a cap),
        # the final norm's divisor (and that of a norm behind attention) held.
        total = {}
        for (text, answer), (_, points) in zip(PROMPTS, states):
            answer, x = tokens(answer)[0], points[f"blocks.{model.layers - 1}.hook_resid_post"][-1]
            unembedding = model.unembedding()
            row = unembedding[answer] - unembedding.mean(0)

            def divided(y, module_or_weight, x):
                """y as the norm of x would pass it on: its mean away where the norm's is, over x's divisor, times the gain."""
                if isinstance(module_or_weight, torch.nn.LayerNorm):
                    y, x = y - y.mean(-1, keepdim=True), x - x.mean()
                    return y / (x.pow(2).mean() + module_or_weight.eps).sqrt() * module_or_weight.weight
                if isinstance(module_or_weight, torch.Tensor):
                    return y / (x.pow(2).mean() + model.c["norm_eps"]).sqrt() * module_or_weight
                gain = module_or_weight.weight + (1 if model.name.startswith("gemma") else 0)
                epsilon = getattr(module_or_weight, "variance_epsilon", None) or getattr(module_or_weight, "eps", None)
                return y / (x.pow(2).mean() + epsilon).sqrt() * gain

            final = model.w["model.norm.weight"] if isinstance(model, Linear) else model.final

            def contribution(y):
                return divided(y, final, x) @ row

            for i in range(model.layers):
                for hook in ("hook_attn_out", "hook_mlp_out"):
                    key = (hook, i, None)
                    total[key] = total.get(key, 0.0) + float(contribution(points[f"blocks.{i}.{hook}"][-1]))
                weight, bias = model.output(i)
                results = torch.einsum("hd,hdm->hm", points[f"blocks.{i}.attn.hook_z"][-1], weight)
                if getattr(model, "sandwich", False):
                    raw = results.sum(0) + (0 if bias is None else bias)
                    results = divided(results, model.blocks[i].post_attention_layernorm, raw)
                for h in range(model.heads):
                    key = ("attn.hook_result", i, h)
                    total[key] = total.get(key, 0.0) + float(contribution(results[h]))
        direct = [[hook, i, h, number(v / len(PROMPTS))] for (hook, i, h), v in total.items()]
    return {"model": model.name, "rows": rows, "top": top, "direct": direct}


# ---- Function vectors ------------------------------------------------------------------------------------------------

def function_vectors(model, seed):
    generator = torch.Generator().manual_seed(seed)

    def draw(count):
        return torch.randint(61, (count,), generator=generator).tolist()

    tasks = []
    with torch.no_grad():
        for _ in range(2):
            prompts, shuffled, means = [], [], []
            for index in range(5):
                ids = draw(4 + index)
                logits, points = model.run(ids)
                # Two of the five are answered wrongly and do not count.
                answer = int(logits[-1].argmax()) if index not in (1, 3) else int(logits[-1].argmin())
                prompts.append({"tokens": ids, "answer": answer})
                if index not in (1, 3):
                    means.append(torch.stack([points[f"blocks.{i}.attn.hook_z"][-1] for i in range(model.layers)]))
            mean = torch.stack(means).mean(0)
            effects = torch.zeros(model.layers, model.heads, dtype=torch.float64)
            trials = []
            for index in range(3):
                ids, answer = draw(5 + index), draw(1)[0]
                shuffled.append({"tokens": ids, "answer": answer})
                before = model.run(ids)[0][-1].softmax(-1)[answer]
                trial = []
                for i in range(model.layers):
                    for h in range(model.heads):
                        def edit(x):
                            x = x.clone()
                            x[-1, h] = mean[i, h]
                            return x
                        after = model.run(ids, {f"blocks.{i}.attn.hook_z": edit})[0][-1].softmax(-1)[answer]
                        trial.append(number(after - before))
                trials.append(trial)
            tasks.append({"prompts": prompts, "shuffled": shuffled, "effects": trials, "mean": mean,
                          "average": torch.tensor(trials).mean(0)})
        # Over tasks, every task counting the same; the five heads of the greatest effect.
        average = torch.stack([t["average"] for t in tasks]).mean(0)
        top = average.argsort(descending=True, stable=True)[:5].tolist()
        for task in tasks:
            vector = 0
            for flat in top:
                layer, head = divmod(flat, model.heads)
                vector = vector + task["mean"][layer, head] @ model.output(layer)[0][head]
            task["vector"] = [number(v) for v in vector]
            ids = task["shuffled"][0]["tokens"]
            out = []
            for i in range(model.layers):
                def edit(x):
                    x = x.clone()
                    x[-1] += vector
                    return x
                logits = model.run(ids, {f"blocks.{i}.hook_resid_post": edit})[0][-1]
                out.append(number(logits.log_softmax(-1)[task["shuffled"][0]["answer"]]))
            task["log_probabilities"] = out
            # All heads and the bias are attention's output, but for a norm behind it.
            layer_sum = [torch.einsum("hd,hdm->m", model.run(ids)[1][f"blocks.{i}.attn.hook_z"][-1], model.output(i)[0])
                         + (0 if model.output(i)[1] is None else model.output(i)[1]) for i in range(model.layers)]
            for i, total in enumerate(layer_sum):
                assert (total - model.run(ids)[1][f"blocks.{i}.hook_attn_out"][-1]).abs().max() < 1e-6
            task["mean"] = [[number(v) for v in row.flatten()] for row in task["mean"]]
            del task["average"]
    return {"model": model.name, "average": [number(v) for v in average], "top": top, "tasks": tasks}


# ---- In-context vectors ----------------------------------------------------------------------------------------------

def in_context_vectors(model, seed):
    generator = torch.Generator().manual_seed(seed)

    def draw(count):
        return torch.randint(61, (count,), generator=generator).tolist()

    pairs = [{"input": draw(1 + i % 3), "output": draw(1 + (i + 1) % 2)} for i in range(4)]
    with torch.no_grad():
        def state(ids):
            points = model.run(ids)[1]
            return torch.cat([points[f"blocks.{i}.hook_resid_post"][-1] for i in range(model.layers)])
        differences = torch.stack([state(p["output"]) - state(p["input"]) for p in pairs])
        pca = PCA(n_components=1, svd_solver="full").fit(differences.numpy())
        component, mean = torch.tensor(pca.components_[0]), differences.mean(0)
        # scikit-learn chooses the sign by its own rule; here the component points where the mean does.
        component = component if component @ mean >= 0 else -component
        vectors = (component + mean).view(model.layers, -1)
        ids, scale = draw(6), 0.3

        def shifted(x, v):
            turn = 1 + F.cosine_similarity(x, -v[None], dim=-1).clamp(min=0)
            y = F.normalize(x, dim=-1) + scale * turn[:, None] * F.normalize(v, dim=-1)
            return F.normalize(y, dim=-1) * x.norm(dim=-1, keepdim=True)

        logits = {hook: model.run(ids, {f"blocks.{i}.{hook}": lambda x, v=vectors[i]: shifted(x, v)
                                        for i in range(model.layers)})[0][-1]
                  for hook in ("hook_mlp_out", "hook_resid_post")}
    return {"model": model.name, "pairs": pairs, "vectors": [[number(v) for v in row] for row in vectors],
            "prompt": ids, "scale": scale, "logits": {k: [number(x) for x in v] for k, v in logits.items()}}


# ---- Vector arithmetic -----------------------------------------------------------------------------------------------

# Two pairs a task and no demonstrations: the development split asks one pair, the test split the other, and the only
# dummy that is left for the development set is the pair of the test split. Which is which the tests read from the run.
ARITHMETIC = {"upper": [("red", "RED"), ("blue", "BLUE")], "lower": [("HOT", "hot"), ("WET", "wet")],
              "next": [("one", "two"), ("three", "four")]}
EXPRESSIONS = [("upper", [("upper", 1), ("lower", -1), ("next", 0.5)], "replace"),
               ("lower", [("upper", -1), ("lower", 1), ("next", 1)], "add"),
               ("next", [("upper", 2), ("lower", -0.25)], "replace")]


def written(terms):
    text = ""
    for index, (task, weight) in enumerate(terms):
        sign = ("-" if weight < 0 else "") if index == 0 else (" - " if weight < 0 else " + ")
        text += sign + ("" if abs(weight) == 1 else f"{abs(weight):.15g} " if weight % 1 else f"{abs(weight):.1f} ") + task
    return text


def vector_arithmetic(model):
    rows = []
    with torch.no_grad():
        def residuals(word):
            points = model.run(tokens(word + "->"))[1]
            return [points[f"blocks.{i}.hook_resid_post"][-1] for i in range(model.layers)]
        thetas = {pair[0]: residuals(pair[0]) for pairs in ARITHMETIC.values() for pair in pairs}
        for target, terms, mode in EXPRESSIONS:
            for query, answer in ARITHMETIC[target]:
                # Every choice of the other tasks' dummies; the target's own is its query.
                others = [task for task, _ in terms if task != target]
                choices = [{}]
                for task in others:
                    choices = [c | {task: pair[0]} for c in choices for pair in ARITHMETIC[task]]
                for own in ([(t, 1)] for t in [target] + others):
                    choices_of_own = {json.dumps({t: c[t] for t, _ in own if t in c}): c for c in choices}
                    rows += arithmetic_rows(model, thetas, target, query, answer, own, mode, choices_of_own.values())
                rows += arithmetic_rows(model, thetas, target, query, answer, terms, mode, choices)
    return {"model": model.name, "rows": rows}


def arithmetic_rows(model, thetas, target, query, answer, terms, mode, choices):
    rows, ids, answer = [], tokens(query + "->"), tokens(answer)[0]
    for choice in choices:
        dummies = {task: choice.get(task, query) for task, _ in terms}
        for i in range(model.layers):
            vector = sum(weight * thetas[dummies[task]][i] for task, weight in terms)

            def edit(x):
                x = x.clone()
                x[-1] = vector if mode == "replace" else x[-1] + vector
                return x
            logits = model.run(ids, {f"blocks.{i}.hook_resid_post": edit})[0][-1]
            others = torch.cat([logits[:answer], logits[answer + 1:]])
            rows.append([target, query, dummies, written(terms), mode, i, number(logits.log_softmax(-1)[answer]),
                         number(logits[answer] - others.max()), int(logits.argmax())])
    return rows


# ---- Task vectors, their variants, conflicting tasks, θ through the lens -----------------------------------------------

# Which pairs are shown and asked is drawn by the program and written by the tests (VariantOracleTests, with RECORD=1);
# what follows from them is computed here. Answers may have several tokens; of the first the output is scored.


def prompt(shown, query):
    return tokens("\n".join([f"{a}->{b}" for a, b in shown] + [f"{query}->"]))


def put(positions, values, scale=None):
    def edit(x):
        x = x.clone()
        for position, value in zip(positions, values):
            x[position] = value if scale is None else x[position] + scale * value
        return x
    return edit


def observed(model, ids, answers, edits={}, **state):
    """The output's log-probability, the margin and rank of its first token, and whether greedy decoding gives any answer.

    Answers are lists of tokens, the output's first."""
    first, right = model.run(ids, edits, **state)[0][-1], False
    for index, answer in enumerate(answers):
        rows = first[None] if len(answer) == 1 else \
            model.run(ids + answer[:-1], edits, **state)[0][len(ids) - 1:]
        right |= rows.argmax(-1).tolist() == answer
        if index == 0:
            log = rows.log_softmax(-1)[torch.arange(len(answer)), answer].sum()
    a = answers[0][0]
    margin = first[a] - torch.cat([first[:a], first[a + 1:]]).max()
    return [number(log), number(margin), int((first > first[a]).sum()), int(right)]


def variants(model):
    drawn = json.loads((HERE / "sets.json").read_text())
    answers = {task: {x: [tokens(a) for a in all] for x, all in pairs.items()} for task, pairs in drawn["tasks"].items()}
    layers, curves = range(model.layers), []

    def residuals(ids):
        points = model.run(ids)[1]
        return [points[f"blocks.{i}.hook_resid_post"] for i in layers]

    def theta(s):
        own = [residuals(prompt(s["demonstrations"], d)) for d in s["dummies"]]
        return [torch.stack([r[i][-1] for r in own]).mean(0) for i in layers]

    def at_last(values, scale=None):
        """An edit by layer of the zero-shot prompt's last token; of every set."""
        return lambda sets, s, i: ("bare", put([-1], [values[id(s)][i]], scale))

    def add(task, sets, condition, edit, position="last", setting=None, shots=3, dev=True, columns={}):
        """edit(sets, set, layer) gives the prompt and the edit after that layer's block."""
        found = {}
        for split in ["dev", "test"] if dev else ["test"]:
            own = sets[split]
            found[split] = []
            for i in layers:
                rows = []
                for s in own:
                    which, change = edit(own, s, i)
                    shown = s["demonstrations"] if which == "icl" else []
                    ids = prompt(shown, s["query"])
                    rows.append(observed(model, ids, answers[task][s["query"]],
                                         {f"blocks.{i}.hook_resid_post": lambda x, n=len(ids): at_end(change, x, n)}))
                found[split].append(rows)
        curves.append({
            "task": task, "condition": condition, "columns": columns, "position": position, "setting": setting, "shots": shots,
            "layers": list(layers), "dev": [[r[3] for r in rows] for rows in found["dev"]] if dev else None,
            "test": found["test"]})

    def at_end(change, x, count):
        """Edits the prompt's own rows; the answer's tokens behind them stay."""
        return torch.cat([change(x[:count]), x[count:]])

    def plain(task, sets, condition, setting=None, shots=3, columns={}):
        rows = [observed(model, prompt(s["demonstrations"] if condition.startswith("icl") else [], s["query"]),
                         answers[task][s["query"]]) for s in sets["test"]]
        curves.append({"task": task, "condition": condition, "columns": columns, "position": None, "setting": setting,
                       "shots": shots, "layers": [None], "dev": None, "test": [rows]})

    with torch.no_grad():
        sets = drawn["loud"]
        every = [s for split in sets.values() for s in split]
        thetas = {id(s): theta(s) for s in every}
        first = {id(s): residuals(prompt(s["demonstrations"], s["dummies"][0])) for s in every}
        arrows = {id(s): [t for t, p in enumerate(prompt(s["demonstrations"], s["dummies"][0])) if PIECES[p] == "->"]
                  for s in every}

        def donors(own, s, *more):
            """The other sets in which the query (or something more) is neither shown nor a dummy, counted on from this."""
            place = next(i for i, o in enumerate(own) if o is s)
            others = [own[(place + i) % len(own)] for i in range(1, len(own))]
            able = [o for o in others
                    if not {s["query"], *more} & {*[a for a, _ in o["demonstrations"]], *o["dummies"]}]
            return able or [s]

        for condition in ("zero_shot", "icl"):
            plain("loud", sets, condition)
        add("loud", sets, "task_vector", at_last(thetas))
        add("loud", sets, "task_vector_mean_context", lambda own, s, i: (
            "bare", put([-1], [torch.stack([thetas[id(o)][i] for o in donors(own, s)]).mean(0)])))
        add("loud", sets, "state_vector_average", lambda own, s, i: (
            "bare", put([-1], [first[id(s)][i][arrows[id(s)]].mean(0)])))

        def momentum(s, i, factor=0.5):
            states = first[id(s)][i][arrows[id(s)]]
            steps = [factor ** (len(states) - 1 - n) * (states[n] - states[n - 1]) for n in range(1, len(states))]
            return states[-1] + sum(steps)
        add("loud", sets, "state_vector_momentum", lambda own, s, i: ("bare", put([-1], [momentum(s, i)])),
            setting="momentum=0.5")
        for scale in (1.0, -2.0):
            for condition, value in (("task_vector_added", lambda s, i: thetas[id(s)][i]),
                                     ("mean_hidden_added", lambda s, i: first[id(s)][i].mean(0))):
                add("loud", sets, condition, lambda own, s, i: ("bare", put([-1], [value(s, i)], scale)),
                    setting=f"scale={scale}")
                add("loud", sets, condition,
                    lambda own, s, i: ("bare", lambda x: x + scale * value(s, i)), "all", setting=f"scale={scale}")

        def lent(own, s, i, count, *more):
            able = donors(own, s, *more)
            return [thetas[id(able[n % len(able)])][i] for n in range(count)]
        add("loud", sets, "task_vector_in_context", lambda own, s, i: ("icl", put([-1], lent(own, s, i, 1))))

        def every_arrow(own, s, i, *more):
            places = [t for t, p in enumerate(prompt(s["demonstrations"], s["query"])) if PIECES[p] == "->"]
            return "icl", put(places, lent(own, s, i, len(places), *more))
        add("loud", sets, "task_vector_every_arrow", every_arrow, "arrow")
        for places in ([1], [2], [2, 1]):
            add("loud", sets, "task_vector",
                lambda own, s, i: ("bare", put([-p for p in places], [first[id(s)][i][-p] for p in places])),
                f"-{places[0]}" if len(places) == 1 else f"-{places[0]}..-1", "dummies=1")
        for key, setting, shots in (("shots=2", None, 2), ("dummies=1", "dummies=1", 3), ("order=0", "order=0", 3)):
            other = {id(s): theta(s) for split in drawn[key].values() for s in split}
            plain("loud", drawn[key], "icl", setting, shots)
            add("loud", drawn[key], "task_vector", at_last(other), setting=setting, shots=shots)
        if isinstance(model, Linear):
            state_runs(model, sets["test"], answers["loud"], curves)

        # θ of B at the last token of a prompt of A's demonstrations; the answers of both count.
        conflict = drawn["conflict"]
        for split in conflict.values():
            for s in split:
                thetas[id(s)], s["demonstrations"], s["dummies"] = theta(s["vector"]), *s["prompt"].values()
        for judged in ("loud", "soft"):
            for condition in ("zero_shot", "icl"):
                plain(judged, conflict, condition + "_conflict")
            add(judged, conflict, "task_vector_override", lambda own, s, i: ("icl", put([-1], [thetas[id(s)][i]])),
                dev=False)
            add(judged, conflict, "task_vector_conflict", at_last(thetas), dev=judged == "soft")
            again = {id(s): theta(s["again"]) for s in conflict["test"]}
            add(judged, conflict, "own_conflict", lambda own, s, i: ("icl", put([-1], [again[id(s)][i]])), dev=False)

        # A task and its inverse, one way, the other way and mixed.
        for name, own in drawn["bijections"].items():
            arm, _, dummies = name.partition(" ")
            columns = {"demonstrations": arm, "queries": "both" if arm == "mixed" else arm}
            thetas.update({id(s): theta(s) for split in own.values() for s in split})
            if dummies in ("", "both"):
                for condition in ("zero_shot", "icl"):
                    plain("cap", own, condition, columns=columns | {"dummies": ""})
            columns["dummies"] = dummies
            add("cap", own, "task_vector", at_last(thetas), columns=columns)
            if dummies == "both":
                add("cap", own, "task_vector_every_arrow",
                    lambda own, s, i: every_arrow(own, s, i, drawn["tasks"]["cap"][s["query"]][0]), "arrow",
                    columns=columns)

        decoded = []
        for normed in (True, False):
            for i in layers:
                logits = model.lens(torch.stack([thetas[id(s)][i] for s in sets["test"]]).mean(0), normed)
                best = logits.topk(5)
                decoded.append([normed, i, best.indices.tolist(), [number(v) for v in best.values]])
        heads = head_runs(model, drawn["heads"], answers)
    return {"model": model.name, "curves": curves, "decoded": decoded, "heads": heads}


def head_runs(model, tasks, answers):
    """Function vectors on two tasks: effects of heads, the three best over tasks, and accuracies by layer."""
    layers, count = range(model.layers), model.layers * model.heads
    found, curves = {}, []
    for task, sets in tasks.items():
        # Answers count by their first token.
        own = {x: [a[:1] for a in all] for x, all in answers[task].items()}
        outputs, stream = [], []
        for s in sets["dev"][:24]:
            logits, points = model.run(prompt(s["demonstrations"], s["query"]))
            if [int(logits[-1].argmax())] in own[s["query"]]:
                outputs.append(torch.stack([points[f"blocks.{i}.attn.hook_z"][-1] for i in layers]))
                stream.append(torch.stack([points[f"blocks.{i}.hook_resid_post"][-1] for i in layers]))
        mean, effects = torch.stack(outputs).mean(0), []
        for s in sets["dev"][24:]:
            ids, answer = shuffled(s), own[s["query"]][0][0]
            before = model.run(ids)[0][-1].softmax(-1)[answer]

            def effect(i, h):
                def edit(x):
                    x = x.clone()
                    x[-1, h] = mean[i, h]
                    return x
                return model.run(ids, {f"blocks.{i}.attn.hook_z": edit})[0][-1].softmax(-1)[answer] - before
            effects.append(torch.stack([effect(i, h) for i in layers for h in range(model.heads)]))
        found[task] = own, mean, torch.stack(stream).mean(0), torch.stack(effects)
    average = torch.stack([f[3].mean(0) for f in found.values()]).mean(0)
    # Every sign of every prompt's effects, and of the greatest of all heads.
    each = torch.cat([f[3] for f in found.values()])
    sums = (torch.tensor(list(itertools.product((1.0, -1.0), repeat=len(each))), dtype=torch.float64) @ each).abs()
    least = each.sum(0).abs() - 1e-12
    p = [(x >= least).double().mean(0).tolist() for x in (sums, sums.max(1, keepdim=True).values)]
    top = sorted(range(count), key=lambda h: (-float(average[h]), h))[:3]
    for task, sets in tasks.items():
        own, mean, stream, _ = found[task]
        vector = sum(mean[divmod(h, model.heads)] @ model.output(h // model.heads)[0][h % model.heads] for h in top)

        def theta(s, i):
            runs = [model.run(prompt(s["demonstrations"], d))[1] for d in s["dummies"]]
            return torch.stack([r[f"blocks.{i}.hook_resid_post"][-1] for r in runs]).mean(0)
        for receiver, text in (("zero_shot", lambda s: prompt([], s["query"])), ("shuffled_labels", shuffled)):
            for condition, edit in (("function_vector", lambda s, i: put([-1], [vector], 1)),
                                    ("layer_average", lambda s, i: put([-1], [stream[i]], 1)),
                                    ("task_vector", lambda s, i: put([-1], [theta(s, i)]))):
                dev, test = ([[observed(model, text(s), own[s["query"]],
                                        {f"blocks.{i}.hook_resid_post": edit(s, i)}) for s in split]
                              for i in layers] for split in (sets["dev"][:3], sets["test"]))
                curves.append({"task": task, "condition": condition, "columns": {"prompt": receiver}, "position": "last",
                               "setting": None, "shots": 3, "layers": list(layers),
                               "dev": [[r[3] for r in rows] for rows in dev], "test": test})
    return {"effects": {t: [number(v) for v in f[3].mean(0)] for t, f in found.items()},
            "average": [number(v) for v in average], "p": p, "top": top, "curves": curves}


def shuffled(s):
    return prompt([(a, b) for (a, _), b in zip(s["demonstrations"], s["shuffled"])], s["query"])


def state_runs(model, sets, answers, curves):
    """The state of the demonstrations at one layer, the others empty; and at all layers, cut down to a rank."""
    runs = [("state_injected", None, i) for i in range(model.layers)] + \
        [("state_truncated", f"rank={r}", None) for r in (1, 2)]
    for condition, setting, layer in runs:
        rows = []
        for s in sets:
            query = prompt([], s["query"])
            count = len(prompt(s["demonstrations"], s["query"])) - len(query)
            points = model.run(prompt(s["demonstrations"], s["query"])[:count])[1]
            states = [points[f"blocks.{i}.attn.hook_ssm_state"][-1] for i in range(model.layers)]
            if condition == "state_injected":
                states = [x if i == layer else torch.zeros_like(x) for i, x in enumerate(states)]
            else:
                rank = int(setting[5:])
                states = [torch.einsum("hkr,hr,hrv->hkv", u[..., :rank], e[..., :rank], v[..., :rank, :])
                          for u, e, v in (torch.linalg.svd(x, full_matrices=False) for x in states)]
            rows.append(observed(model, query, answers[s["query"]], start=count, initial=states))
        curves.append({"task": "loud", "condition": condition, "columns": {}, "position": None, "setting": setting,
                       "shots": 3, "layers": [layer], "dev": None, "test": [rows]})


def main():
    gpt2, gqa, mqa, gemma = (Softmax(n) for n in ("gpt2-tiny", "llama-gqa", "llama-mqa", "gemma2-tiny"))
    linear = Linear("linear-decay")
    reference = load_file(FAMILIES / "linear-decay" / "reference.safetensors")
    ids = reference["prompt2/input_ids"].tolist()
    assert (linear.run(ids)[0] - reference["prompt2/logits"]).abs().max() < 1e-5
    every = ["attn.hook_q", "attn.hook_k", "attn.hook_v", "attn.hook_z", "attn.hook_pattern"]
    result = {
        "patching": [
            patching(gpt2, ["hook_resid_pre", "hook_attn_out", "hook_mlp_out"], ["attn.hook_z"],
                     [("attn.hook_z", "hook_resid_post"), ("hook_mlp_out", "attn.hook_k")], False),
            patching(gqa, ["attn.hook_pattern", "attn.hook_v"], every,
                     [("attn.hook_z", "attn.hook_q"), ("attn.hook_z", "attn.hook_v")], True),
            patching(linear, ["hook_resid_post", "attn.hook_phi_k", "attn.hook_ssm_state", "attn.hook_ssm_write"],
                     every, [("attn.hook_z", "hook_resid_post")], True),
        ],
        "lens": [lens(m) for m in (gpt2, mqa, gemma, linear)],
        "function_vectors": [function_vectors(m, 5) for m in (gpt2, gqa, mqa, linear)],
        "in_context_vectors": [in_context_vectors(m, 7) for m in (gpt2, linear)],
        "vector_arithmetic": [vector_arithmetic(m) for m in (gpt2, gqa, linear)],
        "variants": [variants(m) for m in (gpt2, gqa, linear)],
    }
    for name, value in result.items():
        path = HERE / f"{name}.json"
        path.write_text(json.dumps(value, separators=(",", ":")).replace("},{\"model", "},\n{\"model") + "\n")
        print(name, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
