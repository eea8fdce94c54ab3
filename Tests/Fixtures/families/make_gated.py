# Tiny random models of flash-linear-attention's gated families, and what they compute: RetNet, gated linear
# attention, gated delta networks, and a hybrid with a softmax layer.
#
# reference() is an independent float64 implementation in plain torch (parallel form, gradients by autograd). It is
# asserted against the recurrence step by step and against the package's own models, with their Triton kernels
# replaced by the package's plain-torch references (naive_retention, naive_recurrent_gla, naive_gdn_gate,
# naive_recurrent_gated_delta_rule, rms_norm_ref, rotary_embedding_ref), so that config.json, tensor names and the
# order of operations are the package's.
#
# hook_q, hook_k, hook_v are what enters the recurrence: after the short convolution and its SiLU. hook_phi_q and
# hook_phi_k are after the feature map (gated delta networks: of unit length). hook_pattern is the effective attention;
# the rest as in make_linear.py, which is imported.
#
# Versions as in make_linear.py:  python make_gated.py
import json
import math

import fla.layers.attn as attn_module
import fla.layers.gated_deltanet as delta_module
import fla.layers.gla as gla_module
import fla.layers.multiscale_retention as retention_module
import torch
import torch.nn.functional as F
from fla.models.gated_deltanet import GatedDeltaNetConfig, GatedDeltaNetForCausalLM
from fla.models.gla import GLAConfig, GLAForCausalLM
from fla.models.retnet import RetNetConfig, RetNetForCausalLM
from fla.modules import FusedRMSNormGated, RotaryEmbedding, ShortConvolution
from fla.modules.activations import ACT2FN
from fla.modules.norm.layernorm import rms_norm_ref
from fla.modules.rotary.ops import rotary_embedding_ref
from fla.ops.gated_delta_rule.gate import naive_gdn_gate
from fla.ops.gated_delta_rule.naive import (naive_chunk_gated_delta_rule,
                                            naive_recurrent_gated_delta_rule)
from fla.ops.gla.naive import naive_recurrent_gla
from fla.ops.retention.naive import naive_retention
from safetensors.torch import load_file

from make_linear import HERE, LENGTHS, VOCABULARY, agree, randomise, replace_kernels, rms, rotate, save

CLASSES = {"retnet": (RetNetConfig, RetNetForCausalLM), "gla": (GLAConfig, GLAForCausalLM),
           "gated_deltanet": (GatedDeltaNetConfig, GatedDeltaNetForCausalLM)}
COMMON = dict(vocab_size=VOCABULARY, num_hidden_layers=2, fuse_swiglu=False, fuse_cross_entropy=False)
MODELS = {
    "retnet-tiny": ("retnet", dict(hidden_size=24, num_heads=4, num_kv_heads=2, expand_k=1.0, expand_v=2.0,
                                   intermediate_size=40, norm_eps=1e-3)),
    "retnet-unfused": ("retnet", dict(hidden_size=16, num_heads=2, intermediate_size=24, fuse_norm=False,
                                      elementwise_affine=True, tie_word_embeddings=True)),
    "gla-tiny": ("gla", dict(hidden_size=32, num_heads=4, intermediate_size=40, norm_eps=1e-3)),
    "gla-convolved": ("gla", dict(hidden_size=24, num_heads=4, num_kv_heads=2, expand_k=1.0, use_short_conv=True,
                                  feature_map="silu", clamp_min=-0.045, use_output_gate=False, fuse_norm=False,
                                  intermediate_size=24, tie_word_embeddings=True)),
    "deltanet-tiny": ("gated_deltanet", dict(hidden_size=24, num_heads=3, head_dim=6, expand_v=1.5,
                                             allow_neg_eigval=True, output_gate_activation="sigmoid",
                                             intermediate_size=32, conv_size=3)),
    "deltanet-hybrid": ("gated_deltanet", dict(
        hidden_size=24, num_heads=2, head_dim=8, num_hidden_layers=3, use_gate=False, intermediate_size=32,
        norm_eps=1e-3, attn=dict(layers=[1], num_heads=3, num_kv_heads=1, qkv_bias=True, rope_theta=500.0))),
    "gla-window": ("gla", dict(
        hidden_size=24, num_heads=2, intermediate_size=32, norm_eps=1e-3, num_hidden_layers=2,
        attn=dict(layers=[0], num_heads=3, num_kv_heads=3, qkv_bias=False, window_size=4))),
}


def unit(x):
    return x / (x.pow(2).sum(-1, keepdim=True) + 1e-6).sqrt()


def convolve(x, weight):
    """[p, channels] through a causal convolution of each channel, then SiLU."""
    taps = weight.shape[-1]
    padded = F.pad(x.T[None], (taps - 1, 0))
    return F.silu(F.conv1d(padded, weight, groups=weight.shape[0])[0].T)


def replace_gated_kernels():
    """The package's kernels by its own plain-torch references; these need no GPU."""
    replace_kernels()

    def gated_norm(self, x, g, *unused):
        weight = torch.ones(x.shape[-1]) if self.weight is None else self.weight
        gate = torch.sigmoid(g) if self.activation == "sigmoid" else F.silu(g)
        return rms_norm_ref(x, weight, None, eps=self.eps) * gate

    def rotary(self, q, k, seqlen_offset=0, **unused):
        angle = torch.outer(torch.arange(q.shape[1]).float(), self._compute_inv_freq())
        return [rotary_embedding_ref(x, angle.cos(), angle.sin()) for x in (q, k)]

    def convolution(self, x, **unused):
        return torch.stack([convolve(row, self.weight) for row in x]), None

    def retain(q, k, v, **unused):
        # The reference wants values as wide as keys only in its einsum's letters.
        q, k, v = (x.transpose(1, 2) for x in (q, k, v))
        parts = [naive_retention(q, k, part) for part in v.split(q.shape[-1], -1)]
        return torch.cat(parts, -1).transpose(1, 2), None

    def gla(q, k, v, gk, **unused):
        return naive_recurrent_gla(q, k, v, gk)

    def delta(q, k, v, g, beta, A_log, dt_bias, allow_neg_eigval, **unused):
        beta = torch.sigmoid(beta) * (2 if allow_neg_eigval else 1)
        g = naive_gdn_gate(g, A_log, dt_bias)
        out, state = naive_recurrent_gated_delta_rule(unit(q), unit(k), v, beta, g)
        chunked, _ = naive_chunk_gated_delta_rule(unit(q), unit(k), v, g, beta)
        agree("the chunked form", out, chunked, 1e-5)
        return out, state

    def attention(q, k, v, causal, window_size):
        group = q.shape[2] // k.shape[2]
        k, v = (x.repeat_interleave(group, 2) for x in (k, v))
        q, k, v = (x.transpose(1, 2) for x in (q, k, v))
        # flash-attention's (left, right): how many keys before and after a token's own it sees
        left = q.shape[2] if window_size[0] < 0 else window_size[0]
        seen = torch.ones(q.shape[2], q.shape[2]).tril().triu(-left).bool()
        return F.scaled_dot_product_attention(q, k, v, attn_mask=seen).transpose(1, 2)

    ACT2FN.update(swish=F.silu, silu=F.silu)
    FusedRMSNormGated.forward = gated_norm
    RotaryEmbedding.forward = rotary
    ShortConvolution.forward = convolution
    retention_module.fused_recurrent_retention = retain
    gla_module.fused_recurrent_gla = gla
    delta_module.fused_recurrent_gated_delta_rule = delta
    delta_module.causal_conv1d = lambda x, weight, bias, activation, backend: (
        torch.stack([convolve(row, weight[:, None]) for row in x]), None)
    attn_module.flash_attn_func = attention


def effective(phi_q, phi_k, decay, beta, scale):
    """[heads, q, k]: the weight of value k in output q. decay [p, heads, dk], beta [p, heads] or None."""
    length, heads, _ = phi_q.shape
    rows = []
    for j in range(length):
        carried = phi_k[j] if beta is None else beta[j][:, None] * phi_k[j]
        column = [torch.zeros(heads, dtype=torch.float64)] * j
        for i in range(j, length):
            if i > j:
                carried = decay[i] * carried
                if beta is not None:
                    seen = (phi_k[i] * carried).sum(-1, keepdim=True)
                    carried = carried - beta[i][:, None] * phi_k[i] * seen
            column.append(scale * (phi_q[i] * carried).sum(-1))
        rows.append(torch.stack(column, 1))
    return torch.stack(rows, 2)


def stepwise(phi_q, phi_k, v, decay, beta, scale):
    """The recurrence: outputs, the last token's write, the last state."""
    state = torch.zeros(v.shape[1], phi_k.shape[2], v.shape[2], dtype=torch.float64)
    out = []
    for t in range(len(v)):
        state = decay[t][:, :, None] * state
        value = v[t]
        if beta is not None:
            value = beta[t][:, None] * (value - torch.einsum("hk,hkv->hv", phi_k[t], state))
        write = phi_k[t][:, :, None] * value[:, None, :]
        state = state + write
        out.append(scale * torch.einsum("hk,hkv->hv", phi_q[t], state))
    return torch.stack(out), write, state


def softmax_layer(config, w, at, h, points):
    spec = config["attn"]
    heads, shared = spec["num_heads"], spec["num_kv_heads"]
    q, k, v = ((h @ w[f"{n}_proj.weight"].T + w.get(f"{n}_proj.bias", 0)).view(len(h), m, -1)
               for n, m in (("q", heads), ("k", shared), ("v", shared)))
    points |= {f"{at}.attn.hook_q": q, f"{at}.attn.hook_k": k, f"{at}.attn.hook_v": v}
    q, k = rotate(q, spec["rope_theta"]), rotate(k, spec["rope_theta"])
    points |= {f"{at}.attn.hook_rot_q": q, f"{at}.attn.hook_rot_k": k}
    keys, values = (t.repeat_interleave(heads // shared, 1) for t in (k, v))
    scores = torch.einsum("qhd,khd->hqk", q, keys) / math.sqrt(q.shape[-1])
    hidden = torch.ones(scores.shape[1:]).triu(1) + torch.ones(scores.shape[1:]).tril(-(spec["window_size"] or len(h)))
    scores = scores.masked_fill(hidden.bool(), -math.inf)
    pattern = scores.softmax(-1)
    points |= {f"{at}.attn.hook_attn_scores": scores, f"{at}.attn.hook_pattern": pattern}
    return torch.einsum("hqk,khd->qhd", pattern, values)


def linear_layer(config, w, at, h, points):
    kind, length = config["model_type"], len(h)
    heads = config["num_heads"]
    shared = config.get("num_kv_heads") or heads
    inputs = {n: h @ w[f"{n}_proj.weight"].T for n in "qkv"}
    if f"q_conv1d.weight" in w:
        inputs = {n: convolve(x, w[f"{n}_conv1d.weight"]) for n, x in inputs.items()}
    q, k, v = (x.view(length, m, -1) for x, m in zip(inputs.values(), (heads, shared, shared)))
    points |= {f"{at}.attn.hook_q": q, f"{at}.attn.hook_k": k, f"{at}.attn.hook_v": v}
    beta = None
    if kind == "retnet":
        q, k = rotate(q, 10000.0), rotate(k, 10000.0)
        points |= {f"{at}.attn.hook_rot_q": q, f"{at}.attn.hook_rot_k": k}
        decay = 1 - 2.0 ** (-5 - torch.arange(heads, dtype=torch.float64))
        decay = decay[None, :, None].expand(length, heads, q.shape[-1])
    elif kind == "gla":
        if config["feature_map"]:
            q, k = F.silu(q), F.silu(k)
        logits = h @ w["gk_proj.0.weight"].T @ w["gk_proj.1.weight"].T + w["gk_proj.1.bias"]
        logarithm = F.logsigmoid(logits) / 16
        if config["clamp_min"] is not None:
            bound = logarithm < config["clamp_min"]
            assert 0 < bound.sum() < bound.numel() or length < 5, "the bound binds here and there"
            logarithm = logarithm.clamp(min=config["clamp_min"])
        decay = logarithm.exp().view(length, shared, -1).repeat_interleave(heads // shared, 1)
    else:
        q, k = unit(q), unit(k)
        logarithm = -w["A_log"].exp() * F.softplus(h @ w["a_proj.weight"].T + w["dt_bias"])
        decay = logarithm.exp()[:, :, None].expand(length, heads, q.shape[-1])
        beta = torch.sigmoid(h @ w["b_proj.weight"].T) * (2 if config["allow_neg_eigval"] else 1)
    points |= {f"{at}.attn.hook_phi_q": q, f"{at}.attn.hook_phi_k": k}
    keys, values = (t.repeat_interleave(heads // shared, 1) for t in (k, v))
    scale = q.shape[-1] ** -0.5
    pattern = effective(q, keys, decay, beta, scale)
    o = torch.einsum("hqk,khd->qhd", pattern, values)
    recurrent, write, state = stepwise(q, keys, values, decay, beta, scale)
    agree(f"{at} recurrence", o, recurrent, 1e-10)
    points |= {f"{at}.attn.hook_attn_scores": pattern, f"{at}.attn.hook_pattern": pattern,
               f"{at}.attn.hook_ssm_write": write, f"{at}.attn.hook_ssm_state": state}
    gain = next((w[f"{n}.weight"] for n in ("g_norm_swish_gate", "g_norm", "o_norm") if f"{n}.weight" in w), None)
    z = rms(o, gain, config["norm_eps"])
    if "g_proj.weight" in w:
        gate = (h @ w["g_proj.weight"].T).view(z.shape)
        z = z * (torch.sigmoid(gate) if config.get("output_gate_activation") == "sigmoid" else F.silu(gate))
    return z


def reference(config, weights, ids):
    """Logits, hook points and the residuals that gradients are wanted for."""
    epsilon, spec = config["norm_eps"], config.get("attn") or {}
    x = weights["model.embeddings.weight"][ids]
    points, residuals = {"hook_embed": x}, []
    for i in range(config["num_hidden_layers"]):
        at, prefix = f"blocks.{i}", f"model.layers.{i}."
        w = {k[len(prefix):]: v for k, v in weights.items() if k.startswith(prefix)}
        residuals.append(x)
        points[f"{at}.hook_resid_pre"] = x
        h = rms(x, w["attn_norm.weight"], epsilon, points, f"{at}.ln1")
        layer = softmax_layer if i in spec.get("layers", []) else linear_layer
        own = {k[len("attn."):]: v for k, v in w.items() if k.startswith("attn.")}
        z = layer(config, own, at, h, points)
        weight_o = own["o_proj.weight"].T.view(z.shape[1], z.shape[2], -1)
        result = torch.einsum("qhd,hdm->qhm", z, weight_o)
        out = result.sum(1)
        points |= {f"{at}.attn.hook_z": z, f"{at}.attn.hook_result": result, f"{at}.attn.hook_out": out,
                   f"{at}.hook_attn_out": out}
        x = x + out
        points[f"{at}.hook_resid_mid"] = x
        h = rms(x, w["mlp_norm.weight"], epsilon, points, f"{at}.ln2")
        gate, up = h @ w["mlp.gate_proj.weight"].T, h @ w["mlp.up_proj.weight"].T
        post = F.silu(gate) * up
        down = post @ w["mlp.down_proj.weight"].T
        x = x + down
        points |= {f"{at}.mlp.hook_pre": gate, f"{at}.mlp.hook_pre_linear": up, f"{at}.mlp.hook_post": post,
                   f"{at}.hook_mlp_out": down, f"{at}.hook_resid_post": x}
    x = rms(x, weights["model.norm.weight"], epsilon, points, "ln_final")
    return x @ weights.get("lm_head.weight", weights["model.embeddings.weight"]).T, points, residuals


def make(name, kind, options, seed):
    folder = HERE / name
    folder.mkdir(parents=True, exist_ok=True)
    config_class, model_class = CLASSES[kind]
    model = model_class(config_class(**COMMON | options)).eval()
    randomise(model, seed)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    (folder / "model.safetensors").chmod(0o644)
    config = json.loads((folder / "config.json").read_text())
    weights = {k: v.double().requires_grad_() for k, v in load_file(folder / "model.safetensors").items()}
    generator = torch.Generator().manual_seed(seed + 1000)
    tensors, gradients, worst = {}, {}, 0
    for p, length in enumerate(LENGTHS):
        ids = torch.randint(VOCABULARY, (length,), generator=generator)
        logits, points, residuals = reference(config, weights, ids)
        with torch.no_grad():
            theirs = model(ids[None], use_cache=False, output_hidden_states=True)
        worst = max(worst, agree(f"{name} logits", logits, theirs.logits[0], 2e-5))
        for i, residual in enumerate(residuals):
            agree(f"{name} {i}", residual, theirs.hidden_states[i][0], 2e-5)
        tensors |= {f"prompt{p}/input_ids": ids, f"prompt{p}/logits": logits}
        tensors |= {f"prompt{p}/{k}": v for k, v in points.items()}
        if p == 0:
            loss = F.cross_entropy(logits[:-1], ids[1:])
            wanted = dict(weights) | {f"blocks.{i}.hook_resid_pre": r for i, r in enumerate(residuals)}
            found = torch.autograd.grad(loss, list(wanted.values()))
            tensors["prompt0/loss"] = loss
            gradients = {f"prompt0/grad/{k}": g for k, g in zip(wanted, found)}
    save(tensors, folder / "reference.safetensors")
    if name != "retnet-unfused":  # there for its tensors' names
        save(gradients, folder / "gradients.safetensors")
    print(name, [f"{f.name} {f.stat().st_size}" for f in sorted(folder.glob("*.safetensors"))],
          f"agrees with flash-linear-attention to {worst:.0e}")


replace_gated_kernels()
for number, (name, (kind, options)) in enumerate(MODELS.items()):
    make(name, kind, options, 61 + number)
