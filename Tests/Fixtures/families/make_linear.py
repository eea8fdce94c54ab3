# Tiny random linear-attention models, in flash-linear-attention's layout, and what they compute.
#
# reference() is an independent float64 implementation in plain torch (parallel form, gradients by
# autograd). It is asserted against the recurrence step by step, and, for the models that
# flash-linear-attention knows, against that package's own LinearAttentionForCausalLM, with its Triton
# kernels replaced by its own plain-torch references (naive_recurrent_linear_attn, rms_norm_ref), so
# that config.json, tensor names and the order of operations are the package's.
# `linear-decay` and `linear-momentum` are our extension: model_type "thetascope_linear_attn" adds `decay`
# (one fixed factor a head), `rope_theta` (rotary before the feature map), `output_norm` and `momentum`
# (Dai et al. 2023, section 5: the decaying sum of past values, added before the output norm).
#
# reference.safetensors: prompt{p}/{input_ids, logits, hook names}, no batch axis; attn.hook_ssm_state
# and hook_ssm_write are those of the last token, [H, dφ, dv]; hook_attn_scores = scale·φ(q)·φ(k)·γ^(q-k),
# 0 above the diagonal; hook_pattern is divided by the normaliser where there is one; hook_normaliser is
# without the 1e-10. gradients.safetensors: of prompt 0's mean next-token cross entropy (nats), for
# every parameter and every hook_resid_pre.
#
# tie_feature_map_qk is missing here: transformers refuses to save its shared tensors.
#
# Python 3.11, torch 2.13.0+cpu, transformers 5.23.0, safetensors 0.8.0, triton 3.9.0, einops 0.8.2,
# flash-linear-attention 0.6.0, fla-core 0.6.0 (both --no-deps):  python make_linear.py
import json
from pathlib import Path

import fla.layers.linear_attn as layer_module
import fla.modules.mlp as mlp_module
import torch
import torch.nn.functional as F
from fla.models.linear_attn import LinearAttentionConfig, LinearAttentionForCausalLM
from fla.modules.norm.layernorm import RMSNorm, rms_norm_ref
from fla.ops.linear_attn.naive import naive_recurrent_linear_attn
from safetensors.torch import load_file, save_file

torch.set_num_threads(1)
HERE = Path(__file__).parent
VOCABULARY = 61
LENGTHS = [7, 1, 12]
TINY = dict(vocab_size=VOCABULARY, num_hidden_layers=2, hidden_size=16, num_heads=2,
            intermediate_size=24, tie_word_embeddings=True)
MODELS = {
    "linear-fla": dict(vocab_size=VOCABULARY, num_hidden_layers=3, hidden_size=32, num_heads=4,
                       num_kv_heads=2, expand_v=1.5, intermediate_size=56, feature_map="elu",
                       norm_eps=1e-3),
    "linear-decay": dict(vocab_size=VOCABULARY, num_hidden_layers=3, hidden_size=32, num_heads=4,
                         intermediate_size=56, feature_map="elu", tie_word_embeddings=True,
                         max_position_embeddings=None, norm_eps=1e-6,
                         model_type="thetascope_linear_attn", decay=[0.5, 0.875, 0.96875, 1.0],
                         rope_theta=10000.0, output_norm="rmsnorm"),
    "linear-momentum": TINY | dict(feature_map="elu", num_kv_heads=1, momentum=0.7,
                                   model_type="thetascope_linear_attn"),
    "linear-maps/elu-normalised": TINY | dict(feature_map="elu", norm_feature_map=True),
    "linear-maps/relu-norm-qk": TINY | dict(feature_map="relu", norm_q=True, norm_k=True,
                                            elementwise_affine=False),
    "linear-maps/identity": TINY | dict(feature_map="identity"),
    "linear-maps/elementwise-product": TINY | dict(feature_map="elementwise_product"),
    "linear-maps/hedgehog": TINY | dict(feature_map="hedgehog"),
    "linear-maps/t2r": TINY | dict(feature_map="t2r", num_kv_heads=1),
    "linear-maps/dpfp-no-norm": TINY | dict(feature_map="dpfp", output_norm="identity",
                                            model_type="thetascope_linear_attn"),
}
EXTENSION = ("model_type", "decay", "rope_theta", "output_norm", "momentum")


def agree(name, ours, theirs, tolerance):
    assert ours.shape == theirs.shape, (name, ours.shape, theirs.shape)
    error = (ours.double() - theirs.double()).abs().max().item()
    assert error <= tolerance, f"{name}: {error}"
    return error


def replace_kernels():
    """The package's Triton kernels by its own plain-torch references; these need no GPU."""
    def attend(q, k, v, initial_state, output_final_state, normalize, cu_seqlens):
        return naive_recurrent_linear_attn(q, k, v, initial_state=initial_state,
                                           output_final_state=output_final_state,
                                           normalize=normalize)

    def norm(self, x, residual=None, prenorm=False, residual_in_fp32=False):
        weight = torch.ones(x.shape[-1]) if self.weight is None else self.weight
        return rms_norm_ref(x, weight, None, residual=residual, eps=self.eps, prenorm=prenorm)

    for name in ("chunk_linear_attn", "fused_chunk_linear_attn", "fused_recurrent_linear_attn"):
        setattr(layer_module, name, attend)
    layer_module.elu_p1 = lambda x: F.elu(x) + 1
    mlp_module.swiglu = lambda gate, up: F.silu(gate) * up
    RMSNorm.forward = norm


def randomise(model, seed):
    """Weights of standard deviation 0.25, gains around 1 and biases around 0 with deviation 0.3."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if name.endswith("norm.weight") or "norm_swish_gate" in name:
                parameter.copy_(1 + 0.3 * noise)
            elif name.endswith(".bias"):
                parameter.copy_(0.3 * noise)
            elif "embeddings" in name:
                parameter.copy_(0.5 * noise)
            else:
                parameter.copy_((0.6 if "feature_map" in name else 0.25) * noise)


def rms(x, weight, epsilon, points=None, at=None):
    scale = (x.pow(2).mean(-1, keepdim=True) + epsilon).sqrt()
    if points is not None:
        points[f"{at}.hook_scale"] = scale
        points[f"{at}.hook_normalized"] = x / scale
    return x / scale if weight is None else x / scale * weight


def rotate(x, base):
    """Rotary position embedding of [p, heads, d]: dimension i pairs with i + d/2."""
    half = x.shape[-1] // 2
    frequency = base ** (-torch.arange(half, dtype=torch.float64) / half)
    angle = (torch.arange(len(x), dtype=torch.float64)[:, None] * frequency)[:, None]
    first, second = x[..., :half], x[..., half:]
    return torch.cat([first * angle.cos() - second * angle.sin(),
                      second * angle.cos() + first * angle.sin()], -1)


def feature_map(kind, x, weights, prefix):
    if kind == "elu":
        return torch.where(x > 0, x + 1, x.clamp(max=0).exp())
    if kind == "relu":
        return x.clamp(min=0)
    if kind == "identity":
        return x
    if kind == "t2r":
        return (x @ weights[f"{prefix}.layer.weight"].T).clamp(min=0)
    if kind == "hedgehog":
        y = 2 * (x @ weights[f"{prefix}.layer.weight"].T + weights[f"{prefix}.layer.bias"])
        return torch.cat([y, -y], -1).softmax(-1)
    if kind == "elementwise_product":
        one, two = (x @ weights[f"{prefix}.layer{i}.weight"].T + weights[f"{prefix}.layer{i}.bias"]
                    for i in (1, 2))
        return one * two
    if kind == "dpfp":
        u = torch.cat([x.clamp(min=0), (-x).clamp(min=0)], -1)
        return torch.cat([u * u.roll(j, -1) for j in range(1, 5)], -1)
    raise ValueError(kind)


def recurrence(phi_q, phi_k, v, scale, decay, normalise):
    """The same attention token by token; returns outputs and the state after the last token."""
    heads = phi_q.shape[1]
    state = torch.zeros(heads, phi_q.shape[2], v.shape[2], dtype=torch.float64)
    total = torch.zeros(heads, phi_q.shape[2], dtype=torch.float64)
    out = []
    for t in range(len(v)):
        state = decay[:, None, None] * state + phi_k[t][:, :, None] * v[t][:, None, :]
        total = decay[:, None] * total + phi_k[t]
        o = torch.einsum("hk,hkv->hv", phi_q[t] * scale, state)
        if normalise:
            o = o / ((phi_q[t] * scale * total).sum(-1, keepdim=True) + 1e-10)
        out.append(o)
    return torch.stack(out), state


def momentum(v, decay):
    """s_t = decay (s_{t-1} + v_{t-1}), as the explicit sum over the tokens before t."""
    length = len(v)
    distance = (torch.arange(length)[:, None] - torch.arange(length)[None]).double()
    weight = torch.where(distance > 0, decay ** distance.clamp(min=0), 0.0)
    return torch.einsum("ti,ihd->thd", weight, v)


def reference(config, weights, ids):
    """Logits, hook points and the residuals that gradients are wanted for."""
    heads = config["num_heads"]
    kv_heads = config.get("num_kv_heads") or heads
    epsilon, kind = config["norm_eps"], config["feature_map"]
    decay = torch.tensor(config.get("decay") or [1.0] * heads, dtype=torch.float64)
    length = len(ids)
    distance = (torch.arange(length)[:, None] - torch.arange(length)[None]).double()
    lower = torch.where(distance >= 0, decay[:, None, None] ** distance.clamp(min=0), 0.0)
    x = weights["model.embeddings.weight"][ids]
    points, residuals = {"hook_embed": x}, []
    for i in range(config["num_hidden_layers"]):
        at, w = f"blocks.{i}", f"model.layers.{i}"
        residuals.append(x)
        points[f"{at}.hook_resid_pre"] = x
        h = rms(x, weights[f"{w}.attn_norm.weight"], epsilon, points, f"{at}.ln1")
        q = (h @ weights[f"{w}.attn.q_proj.weight"].T).view(length, heads, -1)
        k = (h @ weights[f"{w}.attn.k_proj.weight"].T).view(length, kv_heads, -1)
        v = (h @ weights[f"{w}.attn.v_proj.weight"].T).view(length, kv_heads, -1)
        points |= {f"{at}.attn.hook_q": q, f"{at}.attn.hook_k": k, f"{at}.attn.hook_v": v}
        if config.get("rope_theta"):
            q, k = rotate(q, config["rope_theta"]), rotate(k, config["rope_theta"])
            points |= {f"{at}.attn.hook_rot_q": q, f"{at}.attn.hook_rot_k": k}
        phi_q = feature_map(kind, q, weights, f"{w}.attn.feature_map_q")
        phi_k = feature_map(kind, k, weights, f"{w}.attn.feature_map_k")
        if config["norm_q"]:
            phi_q = phi_q / (phi_q.sum(-1, keepdim=True) + 1e-4)
        if config["norm_k"]:
            phi_k = phi_k / (phi_k.sum(-1, keepdim=True) + 1e-4)
        points |= {f"{at}.attn.hook_phi_q": phi_q, f"{at}.attn.hook_phi_k": phi_k}
        keys, values = (t.repeat_interleave(heads // kv_heads, 1) for t in (phi_k, v))
        scale = phi_q.shape[-1] ** -0.5
        scores = torch.einsum("qhd,khd->hqk", phi_q, keys) * scale * lower
        pattern = scores
        if config["norm_feature_map"]:
            normaliser = scores.sum(-1)
            points[f"{at}.attn.hook_normaliser"] = normaliser.T
            pattern = scores / (normaliser + 1e-10)[..., None]
        o = torch.einsum("hqk,khd->qhd", pattern, values)
        stepwise, state = recurrence(phi_q, keys, values, scale, decay, config["norm_feature_map"])
        agree(f"{at} recurrence", o, stepwise, 1e-10)
        if config.get("momentum"):
            sums = momentum(v, config["momentum"])
            points[f"{at}.attn.hook_momentum"] = sums
            o = o + sums.repeat_interleave(heads // kv_heads, 1)
        if config.get("output_norm", "rmsnorm") == "rmsnorm":
            z = rms(o, weights.get(f"{w}.attn.norm.weight"), epsilon)
        else:
            z = o
        weight_o = weights[f"{w}.attn.o_proj.weight"].T.view(heads, z.shape[-1], -1)
        result = torch.einsum("qhd,hdm->qhm", z, weight_o)
        out = result.sum(1)
        points |= {f"{at}.attn.hook_attn_scores": scores, f"{at}.attn.hook_pattern": pattern,
                   f"{at}.attn.hook_ssm_write": keys[-1][:, :, None] * values[-1][:, None, :],
                   f"{at}.attn.hook_ssm_state": state, f"{at}.attn.hook_z": z,
                   f"{at}.attn.hook_result": result, f"{at}.attn.hook_out": out,
                   f"{at}.hook_attn_out": out}
        x = x + out
        points[f"{at}.hook_resid_mid"] = x
        points[f"{at}.hook_mlp_in"] = x
        h = rms(x, weights[f"{w}.mlp_norm.weight"], epsilon, points, f"{at}.ln2")
        gate = h @ weights[f"{w}.mlp.gate_proj.weight"].T
        up = h @ weights[f"{w}.mlp.up_proj.weight"].T
        post = gate * torch.sigmoid(gate) * up
        down = post @ weights[f"{w}.mlp.down_proj.weight"].T
        x = x + down
        points |= {f"{at}.mlp.hook_pre": gate, f"{at}.mlp.hook_pre_linear": up,
                   f"{at}.mlp.hook_post": post, f"{at}.hook_mlp_out": down,
                   f"{at}.hook_resid_post": x}
    x = rms(x, weights["model.norm.weight"], epsilon, points, "ln_final")
    logits = x @ weights.get("lm_head.weight", weights["model.embeddings.weight"]).T
    points |= {"unembed.hook_in": x, "unembed.hook_out": logits}
    return logits, points, residuals


def save(tensors, path):
    tensors = {k: (v if v.dtype == torch.int64 else v.detach().float()).contiguous().clone()
               for k, v in tensors.items()}
    save_file(tensors, path, {"torch": torch.__version__, "flash-linear-attention": "0.6.0"})
    path.chmod(0o644)


def make(name, options, seed):
    folder = HERE / name
    folder.mkdir(parents=True, exist_ok=True)
    package = {k: v for k, v in options.items() if k not in EXTENSION}
    model = LinearAttentionForCausalLM(LinearAttentionConfig(
        **package, fuse_norm=False, fuse_swiglu=False, fuse_cross_entropy=False)).eval()
    randomise(model, seed)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    (folder / "model.safetensors").chmod(0o644)
    path = folder / "config.json"
    config = json.loads(path.read_text())
    extension = {k: v for k, v in options.items() if k in EXTENSION}
    weights = load_file(folder / "model.safetensors")
    if extension:
        config |= extension
        config["architectures"] = ["ThetascopeLinearAttentionForCausalLM"]
        if extension.get("output_norm") == "identity":
            weights = {k: v for k, v in weights.items() if not k.endswith("attn.norm.weight")}
            save_file(weights, folder / "model.safetensors", {"format": "pt"})
        path.write_text(json.dumps(dict(sorted(config.items())), indent=2) + "\n")
    weights = {k: v.double().requires_grad_() for k, v in weights.items()}
    generator = torch.Generator().manual_seed(seed + 1000)
    tensors, gradients = {}, {}
    for p, length in enumerate(LENGTHS):
        ids = torch.randint(VOCABULARY, (length,), generator=generator)
        logits, points, residuals = reference(config, weights, ids)
        if not extension:
            with torch.no_grad():
                theirs = model(ids[None], use_cache=False, output_hidden_states=True)
            agree(f"{name} logits", logits, theirs.logits[0], 2e-5)
            for i, residual in enumerate(residuals):
                agree(f"{name} {i}", residual, theirs.hidden_states[i][0], 2e-5)
        tensors[f"prompt{p}/input_ids"] = ids
        tensors[f"prompt{p}/logits"] = logits
        tensors |= {f"prompt{p}/{k}": v for k, v in points.items()}
        if p == 0:
            loss = F.cross_entropy(logits[:-1], ids[1:])
            wanted = dict(weights) | {f"blocks.{i}.hook_resid_pre": r
                                      for i, r in enumerate(residuals)}
            found = torch.autograd.grad(loss, list(wanted.values()))
            tensors["prompt0/loss"] = loss
            gradients = {f"prompt0/grad/{k}": g for k, g in zip(wanted, found)}
    save(tensors, folder / "reference.safetensors")
    save(gradients, folder / "gradients.safetensors")
    largest = max(t.detach().abs().max().item() for k, t in tensors.items() if "input" not in k)
    print(name, [f"{f.name} {f.stat().st_size}" for f in sorted(folder.glob("*.safetensors"))],
          f"largest value {largest:.1f}", "" if extension else "agrees with flash-linear-attention")


if __name__ == "__main__":
    replace_kernels()
    for number, (name, options) in enumerate(MODELS.items()):
        make(name, options, 31 + number)
