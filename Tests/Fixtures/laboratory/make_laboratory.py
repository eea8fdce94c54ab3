# What activation patching, the logit lens, function vectors, in-context vectors and vector arithmetic give on tiny random
# models, computed with nothing of this project: transformers' own modules with forward hooks (and one attention function
# that can be edited), and, for linear attention, a plain torch recurrence. Everything is float64 but for transformers'
# float32 islands (norms, rotary angles), which move nothing by more than 1e-6.
#
# The models are those of ../families. Prompts of patching and lens are words of the tests' tokenizer (Workspace.swift);
# those of function vectors and in-context vectors are token ids. Liu et al.'s principal component is scikit-learn's.
#
# Python 3.11, torch 2.13.0+cpu, transformers 5.23.0, scikit-learn 1.9.1, safetensors 0.8.0:  python make_laboratory.py
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

    def rotate(self, x):
        half = x.shape[-1] // 2
        angle = torch.arange(len(x), dtype=torch.float64)[:, None] * \
            self.c["rope_theta"] ** (-torch.arange(half, dtype=torch.float64) / half)
        a, b = x[..., :half], x[..., half:]
        c, s = angle.cos()[:, None], angle.sin()[:, None]
        return torch.cat([a * c - b * s, b * c + a * s], -1)

    def run(self, ids, edits={}):
        run, w, eps, T = Run(edits), self.w, self.c["norm_eps"], len(ids)
        x = self.unembedding()[torch.tensor(ids)]
        for i in range(self.layers):
            at, p = f"blocks.{i}", f"model.layers.{i}"
            x = run.point(f"{at}.hook_resid_pre", x)
            h = rms(x, w[f"{p}.attn_norm.weight"], eps)
            q, k, v = (run.point(f"{at}.attn.hook_{l}", (h @ w[f"{p}.attn.{l}_proj.weight"].T).view(T, self.heads, -1))
                       for l in "qkv")
            q, k = (F.elu(self.rotate(y)) + 1 for y in (q, k))
            q, k = run.point(f"{at}.attn.hook_phi_q", q), run.point(f"{at}.attn.hook_phi_k", k)
            scale = q.shape[-1] ** -0.5
            writes = run.point(f"{at}.attn.hook_ssm_write", k[..., :, None] * v[..., None, :])
            states, state = [], torch.zeros_like(writes[0])
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
    }
    for name, value in result.items():
        path = HERE / f"{name}.json"
        path.write_text(json.dumps(value, separators=(",", ":")).replace("},{\"model", "},\n{\"model") + "\n")
        print(name, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
