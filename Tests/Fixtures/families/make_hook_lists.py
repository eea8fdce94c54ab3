# The hook points that TransformerLens fires, in its order, for the architectures of make_softmax.py: hooks.json.
#
# Only names, order and axes: TransformerLens gets each family's switches, written out by hand from config.json, and
# random weights. What fires is compared with the widths of config.json. As in check_transformer_lens.py a row is
# [name, axes, gate]. TransformerLens has no XGLM: its list is that of OPT, also a decoder with two norms a block, a
# plain MLP and positions added to the embedding.
#
# Python 3.11, transformer-lens 2.18.0:  python make_hook_lists.py
import json
from pathlib import Path

import torch
from transformer_lens import HookedTransformer, HookedTransformerConfig

HERE = Path(__file__).parent
TOKENS = 7
FAMILIES = ["gptj-tiny", "neox-tiny", "neox-sequential", "opt-tiny", "xglm-tiny", "phi-tiny", "mistral-window",
            "qwen2-tiny", "qwen3-tiny", "gemma-tiny", "gemma2-tiny", "gemma3-tiny", "llama3-scaled", "llama-yarn"]
AXES = {
    "d_model": "hook_embed hook_pos_embed hook_resid_pre hook_resid_mid hook_resid_post hook_mlp_in hook_attn_out "
               "hook_mlp_out ln1.hook_normalized ln2.hook_normalized ln1_post.hook_normalized "
               "ln2_post.hook_normalized ln_final.hook_normalized attn.hook_out unembed.hook_in",
    "d_mlp": "mlp.hook_pre mlp.hook_pre_linear mlp.hook_post", "d_vocab": "unembed.hook_out",
    "1": "ln1.hook_scale ln2.hook_scale ln1_post.hook_scale ln2_post.hook_scale ln_final.hook_scale",
    "head d_head": "attn.hook_q attn.hook_rot_q attn.hook_z attn.q_norm.hook_normalized",
    "kv_head d_head": "attn.hook_k attn.hook_v attn.hook_rot_k attn.k_norm.hook_normalized",
    "head 1": "attn.q_norm.hook_scale", "kv_head 1": "attn.k_norm.hook_scale",
    "head d_model": "attn.hook_result",
}
AXES = {name: ["pos"] + axes.split() for axes, names in AXES.items() for name in names.split()}
AXES |= {f"attn.hook_{name}": ["head", "query_pos", "key_pos"] for name in ("attn_scores", "pattern")}
GATES = {"hook_result": "use_attn_result", "hook_mlp_in": "use_hook_mlp_in"}


def lens_config(c):
    kind = c["model_type"]
    old = kind == "gptj"
    heads = c["n_head" if old else "attention_heads" if kind == "xglm" else "num_attention_heads"]
    width = c["n_embd" if old else "d_model" if kind == "xglm" else "hidden_size"]
    grouped = c.get("num_key_value_heads") or heads
    rotary = kind not in ("opt", "xglm")
    gated = kind in ("mistral", "qwen2", "qwen3", "llama") or "gemma" in kind
    rms = gated
    return HookedTransformerConfig(
        n_layers=2, d_model=width, n_heads=heads, d_head=c.get("head_dim") or width // heads,
        d_mlp=c.get("intermediate_size") or c.get("ffn_dim") or c["n_inner"], n_ctx=64, d_vocab=61,
        act_fn="gelu", normalization_type="RMS" if rms else "LN", final_rms=rms, gated_mlp=gated,
        n_key_value_heads=None if grouped == heads else grouped,
        positional_embedding_type="rotary" if rotary else "standard", rotary_dim=4 if rotary else None,
        parallel_attn_mlp=kind in ("gptj", "phi") or bool(c.get("use_parallel_residual")),
        use_normalization_before_and_after=kind in ("gemma2", "gemma3_text"),
        use_qk_norm=kind in ("qwen3", "gemma3_text"), use_attn_result=True, use_hook_mlp_in=True)


def sizes(cfg):
    return {"pos": TOKENS, "query_pos": TOKENS, "key_pos": TOKENS, "1": 1, "head": cfg.n_heads,
            "kv_head": cfg.n_key_value_heads or cfg.n_heads, "d_head": cfg.d_head, "d_model": cfg.d_model,
            "d_mlp": cfg.d_mlp}


def short(name):
    return name.split(".", 2)[2] if name.startswith("blocks.") else name


for family in FAMILIES:
    cfg = lens_config(json.loads((HERE / family / "config.json").read_text()))
    model, fired, size = HookedTransformer(cfg), {}, sizes(cfg)

    def keep(value, hook):
        fired.setdefault(hook.name, tuple(value.shape))

    with torch.no_grad():
        model.run_with_hooks(torch.arange(TOKENS)[None], fwd_hooks=[(lambda name: True, keep)])
    rows = []
    for name, shape in fired.items():
        axes = AXES[short(name)]
        expected = tuple(size[a] for a in axes)
        if "_norm" in name and "attn" in name:  # TransformerLens flattens tokens and heads there
            assert shape == (expected[0] * expected[1], expected[2]), (name, shape, expected)
        else:
            assert shape == (1, *expected), (name, shape, expected)
        rows.append([name, axes, GATES.get(name.rsplit(".", 1)[-1], "")])
        if name.endswith("attn.hook_result"):
            rows.append([name.replace("result", "out"), ["pos", "d_model"], "not in TransformerLens"])
    rows += [["unembed.hook_in", ["pos", "d_model"], "not in TransformerLens"],
             ["unembed.hook_out", ["pos", "d_vocab"], "not in TransformerLens"]]
    (HERE / family / "hooks.json").write_text("[\n" + ",\n".join(json.dumps(r) for r in rows) + "\n]\n")
    print(family, len(rows))
