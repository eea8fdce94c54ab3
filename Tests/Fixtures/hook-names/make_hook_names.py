# Writes act_names.json and parallel_names.json: names as TransformerLens itself gives them.
#
# act_names.json: [arguments of utils.get_act_name, its result], for every activation name, with and
# without layer and layer type, as three arguments and as one string.
# parallel_names.json: the hook points of a tiny model with parallel blocks, in the order of firing
# (the first norm fires once for each of q, k and v).
#
#   pip install torch==2.13.0 transformer-lens==2.18.0 && python make_hook_names.py
import json
import pathlib

import torch
from transformer_lens import HookedTransformer, HookedTransformerConfig
from transformer_lens.utils import get_act_name

here = pathlib.Path(__file__).parent


def lines(rows):
    return "[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n"


PLAIN = ["resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out", "q", "k", "v", "z", "rot_q",
         "rot_k", "result", "pattern", "attn_scores", "pre", "post", "mid", "pre_linear", "attn",
         "attn_logits", "key", "query", "value", "mlp_pre", "mlp_mid", "mlp_post", "attn_in",
         "q_input", "k_input", "v_input", "mlp_in"]
calls = [[name, layer] for name in PLAIN for layer in (0, 6, 11)]
calls += [["embed"], ["pos_embed"], ["normalized"], ["scale"], ["tokens"]]
calls += [[name, layer, norm] for name in ("scale", "normalized") for layer in (1, 10)
          for norm in ("ln1", "ln2")]
calls += [["k6"], ["q0"], ["z11"], ["pre3m"], ["pattern2a"], ["scale4ln1"], ["normalized10ln2"],
          ["post5mlp"], ["v7attn"]]
calls += [["pre", 3, "m"], ["pattern", 2, "attention"], ["blocks.3.attn.hook_z"], ["hook_embed"]]
(here / "act_names.json").write_text(lines([call, get_act_name(*call)] for call in calls))

torch.manual_seed(0)
model = HookedTransformer(HookedTransformerConfig(
    n_layers=2, d_model=8, n_ctx=8, d_head=4, n_heads=2, d_mlp=16, d_vocab=10, act_fn="gelu_new",
    parallel_attn_mlp=True, positional_embedding_type="rotary", rotary_dim=4, device="cpu"))
fired = []
model.run_with_hooks(
    torch.arange(5)[None], fwd_hooks=[(lambda name: True, lambda value, hook: fired.append(hook.name))])
(here / "parallel_names.json").write_text(lines(fired))
