# Compares reference.safetensors of every family with TransformerLens, and writes hooks.json.
#
# TransformerLens gets the stored weights (float64) through its own weight conversions for GPT-2 and
# LLaMA; every hook point it fires must equal the reference of make_families.py, which comes from
# transformers, and every tensor of the reference must be one that TransformerLens fires, but for
# attn.hook_out, unembed.hook_in and unembed.hook_out, which are public here and have no name there.
# hooks.json: [name, axes, gate] in the order of (first) firing; gate is "" or the switch that turns
# it on.
#
# Python 3.11, torch 2.13.0+cpu, transformers 4.57.6, transformer-lens 2.18.0, safetensors 0.8.0:
#   python check_transformer_lens.py
import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformer_lens import HookedTransformer, HookedTransformerConfig
from transformer_lens.pretrained.weight_conversions import (convert_gpt2_weights,
                                                            convert_llama_weights)
from transformers import GPT2LMHeadModel, LlamaForCausalLM

torch.set_num_threads(1)
HERE = Path(__file__).parent
TOLERANCE = 2e-6  # both are float64, the reference is stored in float32, values up to about 20
OURS = {"attn.hook_out", "unembed.hook_in", "unembed.hook_out"}
AXES = {
    "hook_embed": "pos d_model", "hook_pos_embed": "pos d_model", "hook_resid_pre": "pos d_model",
    "hook_resid_mid": "pos d_model", "hook_resid_post": "pos d_model", "hook_mlp_in": "pos d_model",
    "hook_attn_out": "pos d_model", "hook_mlp_out": "pos d_model", "hook_scale": "pos 1",
    "hook_normalized": "pos d_model", "hook_q": "pos head d_head", "hook_rot_q": "pos head d_head",
    "hook_k": "pos kv_head d_head", "hook_v": "pos kv_head d_head",
    "hook_rot_k": "pos kv_head d_head", "hook_z": "pos head d_head",
    "hook_attn_scores": "head query_pos key_pos", "hook_pattern": "head query_pos key_pos",
    "hook_result": "pos head d_model", "hook_pre": "pos d_mlp", "hook_pre_linear": "pos d_mlp",
    "hook_post": "pos d_mlp", "hook_attn_in": "pos head d_model", "hook_tokens": "pos",
    "hook_q_input": "pos head d_model", "hook_k_input": "pos kv_head d_model",
    "hook_v_input": "pos kv_head d_model", "hook_out": "pos d_model",
    "unembed.hook_in": "pos d_model", "unembed.hook_out": "pos d_vocab",
}
GATES = {"hook_result": "use_attn_result", "hook_mlp_in": "use_hook_mlp_in",
         "hook_attn_in": "use_attn_in", "hook_q_input": "use_split_qkv_input",
         "hook_k_input": "use_split_qkv_input", "hook_v_input": "use_split_qkv_input",
         "hook_tokens": "use_hook_tokens"}


def lens_config(config, **switches):
    """The TransformerLens configuration of a config.json, written out by hand."""
    if config["model_type"] == "gpt2":
        return HookedTransformerConfig(
            n_layers=config["n_layer"], d_model=config["n_embd"], n_heads=config["n_head"],
            d_head=config["n_embd"] // config["n_head"], d_mlp=config["n_inner"],
            n_ctx=config["n_positions"], d_vocab=config["vocab_size"], act_fn="gelu_new",
            normalization_type="LN", eps=config["layer_norm_epsilon"], dtype=torch.float64,
            positional_embedding_type="standard", **switches)
    base = config.get("rope_theta") or config["rope_parameters"]["rope_theta"]
    width, heads = config["head_dim"], config["num_attention_heads"]
    grouped = config["num_key_value_heads"]
    return HookedTransformerConfig(
        n_layers=config["num_hidden_layers"], d_model=config["hidden_size"], n_heads=heads,
        n_key_value_heads=None if grouped == heads else grouped, d_head=width, rotary_dim=width,
        d_mlp=config["intermediate_size"], n_ctx=config["max_position_embeddings"],
        d_vocab=config["vocab_size"], act_fn="silu", normalization_type="RMS", final_rms=True,
        eps=config["rms_norm_eps"], dtype=torch.float64, positional_embedding_type="rotary",
        rotary_adjacent_pairs=False, rotary_base=base, gated_mlp=True, **switches)


def lens_weights(folder, config, cfg):
    kind = GPT2LMHeadModel if config["model_type"] == "gpt2" else LlamaForCausalLM
    model = kind.from_pretrained(folder, dtype=torch.float64)
    if kind is GPT2LMHeadModel:
        return convert_gpt2_weights(model, cfg)
    weights = convert_llama_weights(model, cfg)
    if config["attention_bias"]:  # convert_llama_weights writes zeros
        low = "_" if cfg.n_key_value_heads is not None else ""
        for i, block in enumerate(model.model.layers):
            at, a = f"blocks.{i}.attn", block.self_attn
            weights[f"{at}.b_Q"] = a.q_proj.bias.view(-1, cfg.d_head)
            weights[f"{at}.{low}b_K"] = a.k_proj.bias.view(-1, cfg.d_head)
            weights[f"{at}.{low}b_V"] = a.v_proj.bias.view(-1, cfg.d_head)
            weights[f"{at}.b_O"] = a.o_proj.bias
    return weights


def run(folder, config, reference, prompt, **switches):
    cfg = lens_config(config, **switches)
    model = HookedTransformer(cfg)
    # strict but for the buffers (mask, IGNORE, rotary tables), which the conversion leaves out
    missing, unexpected = model.load_state_dict(lens_weights(folder, config, cfg), strict=False)
    left = [k for k in missing if not k.endswith(("mask", "IGNORE", "rotary_sin", "rotary_cos"))]
    # untied and tied weights alike have no unembedding bias: TransformerLens's is zero
    assert not [k for k in left if k != "unembed.b_U"] and not unexpected, (left, unexpected)
    fired = []

    def keep(value, hook):
        fired.append((hook.name, value.detach()[0]))

    ids = reference[f"prompt{prompt}/input_ids"][None]
    with torch.no_grad():
        logits = model.run_with_hooks(ids, fwd_hooks=[(lambda name: True, keep)])
    return logits[0], fired


def check_repeats(fired):
    """TransformerLens norms three times, for q, k and v: ln1 fires thrice, with equal values."""
    first = {}
    for name, value in fired:
        assert name not in first or (".ln1." in name and torch.equal(first[name], value)), name
        first.setdefault(name, value)


def compare(where, ours, theirs):
    assert ours.shape == theirs.shape, (where, ours.shape, theirs.shape)
    ours, theirs = ours.double(), theirs.double()
    same_mask = torch.equal(torch.isneginf(ours), torch.isneginf(theirs))
    assert same_mask and not ours.isnan().any(), where
    error = torch.where(torch.isneginf(ours), 0.0, ours - theirs).abs().max().item()
    assert error <= TOLERANCE, f"{where}: {error}"
    return error


def lens_normalized(name, value, weights):
    """hook_normalized as TransformerLens 2 fires it.

    Here it is x / scale, before the gain, for every norm. So it is in TransformerLens for RMSNorm and
    for a folded LayerNorm, but its unfolded LayerNorm (no_processing) fires after gain and bias.
    """
    norm = name.removesuffix(".hook_normalized")
    if norm == name or f"{norm}.b" not in weights:
        return value
    return value * weights[f"{norm}.w"] + weights[f"{norm}.b"]


def axes(name):
    key = name if name in AXES else name.rsplit(".", 1)[-1]
    return AXES[key].split()


for folder in sorted(p.parent for p in HERE.glob("*/reference.safetensors")):
    config = json.loads((folder / "config.json").read_text())
    if config["model_type"] not in ("gpt2", "llama"):
        continue
    reference = load_file(folder / "reference.safetensors")
    whole = "prompt0/hook_embed" in reference
    worst, compared = 0.0, set()
    for prompt in range(3):
        logits, fired = run(folder, config, reference, prompt, use_attn_result=True,
                            use_hook_mlp_in=True)
        weights = lens_weights(folder, config, lens_config(config))
        worst = max(worst, compare("logits", reference[f"prompt{prompt}/logits"], logits))
        compared |= {f"prompt{prompt}/logits", f"prompt{prompt}/input_ids"}
        check_repeats(fired)
        for name, value in fired:
            if whole or name.endswith("hook_resid_post"):
                key = f"prompt{prompt}/{name}"
                ours = lens_normalized(name, reference[key], weights)
                worst = max(worst, compare(key, ours, value))
                compared.add(key)
    rest = {k.split("/", 1)[1] for k in reference if k not in compared and "/grad/" not in k}
    rest = {k for k in rest if not k.endswith(tuple(OURS)) and k != "loss"}
    assert not rest, rest
    print(f"{folder.name}: {len(compared)} tensors, largest difference {worst:.1e}")
    if not whole:
        continue

    # the order of firing, with every switch on; attn_in and the split inputs exclude each other
    def names(**switches):
        return list(dict.fromkeys(n for n, _ in run(folder, config, reference, 0, **switches)[1]))

    # TransformerLens 2.18 cannot split the inputs of grouped keys and values (einsum of 4 and 2)
    grouped = config.get("num_key_value_heads", 4) != 4
    split = names(use_attn_result=True, use_hook_mlp_in=True, use_split_qkv_input=not grouped,
                  use_hook_tokens=True)
    joint = names() if grouped else names(use_attn_in=True)
    order = []
    for name in split:
        order.append(name)
        at = name.rsplit(".", 1)[0]
        if name.endswith("hook_resid_pre") and f"{at}.hook_attn_in" in joint:
            order.append(f"{at}.hook_attn_in")
        if name.endswith("attn.hook_result"):
            order.append(f"{at}.hook_out")
    order += ["unembed.hook_in", "unembed.hook_out"]
    assert [n for n in joint] == [n for n in order if n in joint]
    rows = []
    for name in order:
        last = name.rsplit(".", 1)[-1]
        own = name.endswith(tuple(OURS)) and not name.endswith("hook_attn_out")
        gate = "not in TransformerLens" if own else GATES.get(last, "")
        rows.append(json.dumps([name, axes(name), gate]))
    (folder / "hooks.json").write_text("[\n" + ",\n".join(rows) + "\n]\n")
