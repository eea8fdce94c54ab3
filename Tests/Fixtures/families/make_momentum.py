# A tiny random model of momentum attention (Dai et al. 2023, arXiv:2212.10559, section 5) in LLaMA's layout, and what
# it computes: softmax attention plus the sum over the tokens i before t of decay^(t-i) v_i.
#
# reference() is an independent float64 implementation in plain torch, gradients by autograd. Without the sum it is
# asserted against transformers' LlamaForCausalLM with the same weights.
#
# Versions as in make_linear.py:  python make_momentum.py
import json
import math

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from transformers import LlamaConfig, LlamaForCausalLM

from make_linear import HERE, LENGTHS, VOCABULARY, agree, momentum, randomise, rms, rotate, save

NAME, DECAY, HEADS, SHARED = "llama-momentum", 0.8, 4, 2


def reference(config, weights, ids, decay):
    """Logits, hook points and the residuals that gradients are wanted for."""
    epsilon, length = config["rms_norm_eps"], len(ids)
    x = weights["model.embed_tokens.weight"][ids]
    points, residuals = {"hook_embed": x}, []
    for i in range(config["num_hidden_layers"]):
        at, w = f"blocks.{i}", f"model.layers.{i}"
        residuals.append(x)
        points[f"{at}.hook_resid_pre"] = x
        h = rms(x, weights[f"{w}.input_layernorm.weight"], epsilon, points, f"{at}.ln1")
        q, k, v = ((h @ weights[f"{w}.self_attn.{n}_proj.weight"].T).view(length, m, -1)
                   for n, m in (("q", HEADS), ("k", SHARED), ("v", SHARED)))
        points |= {f"{at}.attn.hook_q": q, f"{at}.attn.hook_k": k, f"{at}.attn.hook_v": v}
        q, k = rotate(q, 10000.0), rotate(k, 10000.0)
        points |= {f"{at}.attn.hook_rot_q": q, f"{at}.attn.hook_rot_k": k}
        keys, values = (t.repeat_interleave(HEADS // SHARED, 1) for t in (k, v))
        scores = torch.einsum("qhd,khd->hqk", q, keys) / math.sqrt(q.shape[-1])
        scores = scores.masked_fill(torch.ones(length, length).triu(1).bool(), -math.inf)
        pattern = scores.softmax(-1)
        z = torch.einsum("hqk,khd->qhd", pattern, values)
        if decay:
            sums = momentum(v, decay)
            points[f"{at}.attn.hook_momentum"] = sums
            z = z + sums.repeat_interleave(HEADS // SHARED, 1)
        weight_o = weights[f"{w}.self_attn.o_proj.weight"].T.view(HEADS, z.shape[-1], -1)
        result = torch.einsum("qhd,hdm->qhm", z, weight_o)
        out = result.sum(1)
        points |= {f"{at}.attn.hook_attn_scores": scores, f"{at}.attn.hook_pattern": pattern,
                   f"{at}.attn.hook_z": z, f"{at}.attn.hook_result": result, f"{at}.attn.hook_out": out,
                   f"{at}.hook_attn_out": out}
        x = x + out
        points[f"{at}.hook_resid_mid"] = x
        h = rms(x, weights[f"{w}.post_attention_layernorm.weight"], epsilon, points, f"{at}.ln2")
        gate, up = (h @ weights[f"{w}.mlp.{n}_proj.weight"].T for n in ("gate", "up"))
        post = F.silu(gate) * up
        down = post @ weights[f"{w}.mlp.down_proj.weight"].T
        x = x + down
        points |= {f"{at}.mlp.hook_pre": gate, f"{at}.mlp.hook_pre_linear": up, f"{at}.mlp.hook_post": post,
                   f"{at}.hook_mlp_out": down, f"{at}.hook_resid_post": x}
    x = rms(x, weights["model.norm.weight"], epsilon, points, "ln_final")
    return x @ weights["lm_head.weight"].T, points, residuals


folder = HERE / NAME
folder.mkdir(exist_ok=True)
model = LlamaForCausalLM(LlamaConfig(
    vocab_size=VOCABULARY, hidden_size=24, intermediate_size=32, num_hidden_layers=3, num_attention_heads=HEADS,
    num_key_value_heads=SHARED, rms_norm_eps=1e-5)).eval()
randomise(model, 83)
model.save_pretrained(folder)
(folder / "generation_config.json").unlink(missing_ok=True)
(folder / "model.safetensors").chmod(0o644)
config = json.loads((folder / "config.json").read_text())
config |= {"model_type": "thetascope_momentum_llama", "momentum_decay": DECAY,
           "architectures": ["ThetascopeMomentumForCausalLM"]}
(folder / "config.json").write_text(json.dumps(dict(sorted(config.items())), indent=2) + "\n")
weights = {k: v.double().requires_grad_() for k, v in load_file(folder / "model.safetensors").items()}
generator = torch.Generator().manual_seed(1083)
tensors, gradients = {}, {}
for p, length in enumerate(LENGTHS):
    ids = torch.randint(VOCABULARY, (length,), generator=generator)
    with torch.no_grad():
        agree("without momentum", reference(config, weights, ids, None)[0], model(ids[None]).logits[0], 2e-5)
    logits, points, residuals = reference(config, weights, ids, DECAY)
    tensors |= {f"prompt{p}/input_ids": ids, f"prompt{p}/logits": logits}
    tensors |= {f"prompt{p}/{k}": v for k, v in points.items()}
    if p == 0:
        loss = F.cross_entropy(logits[:-1], ids[1:])
        wanted = dict(weights) | {f"blocks.{i}.hook_resid_pre": r for i, r in enumerate(residuals)}
        found = torch.autograd.grad(loss, list(wanted.values()))
        tensors["prompt0/loss"] = loss
        gradients = {f"prompt0/grad/{k}": g for k, g in zip(wanted, found)}
save(tensors, folder / "reference.safetensors")
save(gradients, folder / "gradients.safetensors")
print(NAME, "agrees with transformers where there is no momentum")
