# Tiny random GPT-2 and LLaMA models, and what Hugging Face transformers computes with them.
#
# For every family: config.json and model.safetensors as save_pretrained writes them, and
# reference.safetensors with every hook point and logits for three prompts, in float64 from the
# modules of transformers (forward hooks); scores, pattern, rotated queries, norm scales and per-head
# results are recomputed here and asserted against the modules' own output. The gradients are those
# of prompt 0's mean next-token cross entropy (nats): hook_resid_pre and the key and value
# projections in reference.safetensors, every parameter in gradients.safetensors (two families).
# check_transformer_lens.py then compares every tensor with TransformerLens and writes hooks.json.
#
# Python 3.11, torch 2.13.0+cpu, safetensors 0.8.0, numpy, and
#   transformers 5.23.0:  python make_families.py gpt2-tiny gpt2-f16 llama-mha llama-gqa llama-bf16
#   transformers 4.57.6:  python make_families.py llama-mqa        (the older config.json keys)
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
import transformers
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

torch.set_num_threads(1)
HERE = Path(__file__).parent
VOCABULARY = 61
LENGTHS = [7, 1, 12]
TOLERANCE = 1e-12  # everything here is float64

GPT2 = dict(vocab_size=VOCABULARY, n_positions=32, n_embd=32, n_layer=3, n_head=4, n_inner=80,
            resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=0, eos_token_id=0)
LLAMA = dict(vocab_size=VOCABULARY, max_position_embeddings=64, num_hidden_layers=3,
             num_attention_heads=4, bos_token_id=1, eos_token_id=2)
FAMILIES = {
    # name: (class, config, seed, stored dtype, what the reference holds)
    "gpt2-tiny": (GPT2LMHeadModel, GPT2Config(**GPT2), 11, torch.float32, "all parameters"),
    "gpt2-f16": (GPT2LMHeadModel, GPT2Config(**GPT2), 12, torch.float16, "residuals"),
    "llama-mha": (LlamaForCausalLM, LlamaConfig(
        **LLAMA, hidden_size=32, intermediate_size=56, num_key_value_heads=4, rms_norm_eps=1e-2,
        tie_word_embeddings=True), 21, torch.float32, "keys and values"),
    "llama-gqa": (LlamaForCausalLM, LlamaConfig(
        **LLAMA, hidden_size=40, intermediate_size=56, num_key_value_heads=2, rms_norm_eps=1e-5,
        tie_word_embeddings=True), 22, torch.float32, "all parameters"),
    "llama-mqa": (LlamaForCausalLM, LlamaConfig(
        **LLAMA, hidden_size=36, intermediate_size=56, num_key_value_heads=1, head_dim=12,
        attention_bias=True, rope_theta=500.0, tie_word_embeddings=False), 23, torch.float32,
        "keys and values"),
    "llama-bf16": (LlamaForCausalLM, LlamaConfig(
        **LLAMA, hidden_size=32, intermediate_size=56, num_key_value_heads=2,
        tie_word_embeddings=True), 24, torch.bfloat16, "residuals"),
}


def randomise(model, seed):
    """Weights of standard deviation 0.25, gains around 1 and biases around 0 with deviation 0.3."""
    generator = torch.Generator().manual_seed(seed)
    gains = ("ln_1.weight", "ln_2.weight", "ln_f.weight", "layernorm.weight", "norm.weight")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if name.endswith(gains):
                parameter.copy_(1 + 0.3 * noise)
            elif name.endswith(".bias"):
                parameter.copy_(0.3 * noise)
            elif "wte" in name or "embed_tokens" in name:
                parameter.copy_(0.5 * noise)
            else:
                parameter.copy_(0.25 * noise)


def agree(name, ours, theirs, tolerance=TOLERANCE):
    assert ours.shape == theirs.shape, (name, ours.shape, theirs.shape)
    error = (ours - theirs).abs().max().item()
    assert error <= tolerance, f"{name}: {error}"


class Recorder:
    """Module outputs and inputs by module, kept in one forward pass."""

    def __init__(self):
        self.inputs, self.outputs, self.handles = {}, {}, []

    def watch(self, module):
        def hook(module, arguments, keywords, output):
            first = arguments[0] if arguments else keywords["hidden_states"]
            self.inputs[module] = first
            self.outputs[module] = output[0] if isinstance(output, tuple) else output
        self.handles.append(module.register_forward_hook(hook, with_kwargs=True))

    def close(self):
        for handle in self.handles:
            handle.remove()


def norm_points(name, module, x, y, points, epsilon):
    """scale and normalised value before the gain, checked against the module's output y."""
    if isinstance(module, torch.nn.LayerNorm):
        centred = x - x.mean(-1, keepdim=True)
        scale = (centred.pow(2).mean(-1, keepdim=True) + epsilon).sqrt()
        agree(name, centred / scale * module.weight + module.bias, y)
    else:
        centred = x
        scale = (x.pow(2).mean(-1, keepdim=True) + epsilon).sqrt()
        agree(name, centred / scale * module.weight, y)
    points[f"{name}.hook_scale"] = scale
    points[f"{name}.hook_normalized"] = centred / scale


def attention_points(at, q, k, v, module_pattern, z_flat, weight_o, bias_o, points):
    """Scores, pattern, z and per-head results; q, k rotated already, [p, heads, d]."""
    heads, width, length = q.shape[1], q.shape[2], q.shape[0]
    group = heads // k.shape[1]
    keys, values = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
    scores = torch.einsum("qhd,khd->hqk", q, keys) * width**-0.5
    hidden = torch.ones(length, length, dtype=torch.bool).triu(1)
    scores = scores.masked_fill(hidden, float("-inf"))
    pattern = scores.softmax(-1)
    agree(f"{at} pattern", pattern, module_pattern)
    z = torch.einsum("hqk,khd->qhd", pattern, values)
    agree(f"{at} z", z.flatten(1), z_flat)
    result = torch.einsum("qhd,hdm->qhm", z, weight_o.view(heads, width, -1))
    points[f"{at}.hook_attn_scores"] = scores
    points[f"{at}.hook_pattern"] = pattern
    points[f"{at}.hook_z"] = z
    points[f"{at}.hook_result"] = result
    points[f"{at}.hook_out"] = result.sum(1) + (0 if bias_o is None else bias_o)


class WideTorch:
    """torch, whose float32 is float64."""

    def __getattr__(self, name):
        return torch.float64 if name == "float32" else getattr(torch, name)


def widen(model, ids):
    """Lifts LLaMA's float32 islands (norm, softmax, rotary angles) to float64.

    Nothing else changes: the logits stay within float32 rounding of the untouched modules.
    """
    before = model(ids[None], use_cache=False).logits
    sys.modules[type(model).__module__].torch = WideTorch()
    width = model.config.hidden_size // model.config.num_attention_heads
    width = getattr(model.config, "head_dim", None) or width
    base = getattr(model.config, "rope_theta", None) or model.config.rope_parameters["rope_theta"]
    frequencies = base ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)

    def angles(x, position_ids):
        angle = position_ids[..., None].double() * frequencies
        angle = torch.cat([angle, angle], -1)
        return angle.cos(), angle.sin()

    model.model.rotary_emb.forward = angles
    after = model(ids[None], use_cache=False).logits
    agree("widened logits", after, before, 5e-5)


def forward_gpt2(model, ids):
    body, config, record = model.transformer, model.config, Recorder()
    for module in [body.wte, body.wpe, body.drop, body.ln_f]:
        record.watch(module)
    for block in body.h:
        for module in [block, block.ln_1, block.attn, block.attn.c_attn, block.attn.c_proj,
                       block.ln_2, block.mlp, block.mlp.c_fc, block.mlp.c_proj]:
            record.watch(module)
    output = model(ids[None], output_attentions=True, use_cache=False)
    heads, width = config.n_head, config.n_embd // config.n_head
    epsilon = config.layer_norm_epsilon
    ins, outs = record.inputs, record.outputs
    points = {"hook_embed": outs[body.wte][0], "hook_pos_embed": outs[body.wpe][0]}
    residuals = []
    for i, block in enumerate(body.h):
        at = f"blocks.{i}"
        residuals.append(ins[block])
        points[f"{at}.hook_resid_pre"] = ins[block][0]
        norm_points(f"{at}.ln1", block.ln_1, ins[block.ln_1][0], outs[block.ln_1][0], points, epsilon)
        q, k, v = (t.view(-1, heads, width) for t in outs[block.attn.c_attn][0].chunk(3, -1))
        points |= {f"{at}.attn.hook_q": q, f"{at}.attn.hook_k": k, f"{at}.attn.hook_v": v}
        attention_points(f"{at}.attn", q, k, v, output.attentions[i][0], ins[block.attn.c_proj][0],
                         block.attn.c_proj.weight, block.attn.c_proj.bias, points)
        agree(f"{at} out", points[f"{at}.attn.hook_out"], outs[block.attn][0])
        points[f"{at}.hook_attn_out"] = outs[block.attn][0]
        points[f"{at}.hook_resid_mid"] = ins[block.ln_2][0]
        points[f"{at}.hook_mlp_in"] = ins[block.ln_2][0]
        norm_points(f"{at}.ln2", block.ln_2, ins[block.ln_2][0], outs[block.ln_2][0], points, epsilon)
        points[f"{at}.mlp.hook_pre"] = outs[block.mlp.c_fc][0]
        points[f"{at}.mlp.hook_post"] = ins[block.mlp.c_proj][0]
        points[f"{at}.hook_mlp_out"] = outs[block.mlp][0]
        points[f"{at}.hook_resid_post"] = outs[block][0]
    norm_points("ln_final", body.ln_f, ins[body.ln_f][0], outs[body.ln_f][0], points, epsilon)
    points["unembed.hook_in"] = outs[body.ln_f][0]
    points["unembed.hook_out"] = output.logits[0]
    record.close()
    return output.logits[0], points, residuals


def forward_llama(model, ids):
    from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

    body, config, record = model.model, model.config, Recorder()
    for module in [body.embed_tokens, body.norm]:
        record.watch(module)
    for block in body.layers:
        a, m = block.self_attn, block.mlp
        for module in [block, block.input_layernorm, a, a.q_proj, a.k_proj, a.v_proj, a.o_proj,
                       block.post_attention_layernorm, m, m.gate_proj, m.up_proj, m.down_proj]:
            record.watch(module)
    output = model(ids[None], output_attentions=True, use_cache=False)
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    epsilon = config.rms_norm_eps
    ins, outs = record.inputs, record.outputs
    embedded = outs[body.embed_tokens]
    cosine, sine = body.rotary_emb(embedded, torch.arange(len(ids))[None])
    points, residuals = {"hook_embed": embedded[0]}, []
    for i, block in enumerate(body.layers):
        at, a, m = f"blocks.{i}", block.self_attn, block.mlp
        residuals.append(ins[block])
        points[f"{at}.hook_resid_pre"] = ins[block][0]
        norm_points(f"{at}.ln1", block.input_layernorm, ins[block.input_layernorm][0],
                    outs[block.input_layernorm][0], points, epsilon)
        q, k, v = (outs[p][0].view(len(ids), -1, width) for p in [a.q_proj, a.k_proj, a.v_proj])
        points |= {f"{at}.attn.hook_q": q, f"{at}.attn.hook_k": k, f"{at}.attn.hook_v": v}
        rotated_q, rotated_k = (t[0].transpose(0, 1) for t in apply_rotary_pos_emb(
            q.transpose(0, 1)[None], k.transpose(0, 1)[None], cosine, sine))
        points |= {f"{at}.attn.hook_rot_q": rotated_q, f"{at}.attn.hook_rot_k": rotated_k}
        attention_points(f"{at}.attn", rotated_q, rotated_k, v, output.attentions[i][0],
                         ins[a.o_proj][0], a.o_proj.weight.T, a.o_proj.bias, points)
        agree(f"{at} out", points[f"{at}.attn.hook_out"], outs[a][0])
        points[f"{at}.hook_attn_out"] = outs[a][0]
        middle = ins[block.post_attention_layernorm][0]
        points[f"{at}.hook_resid_mid"] = middle
        points[f"{at}.hook_mlp_in"] = middle
        norm_points(f"{at}.ln2", block.post_attention_layernorm, middle,
                    outs[block.post_attention_layernorm][0], points, epsilon)
        points[f"{at}.mlp.hook_pre"] = outs[m.gate_proj][0]
        points[f"{at}.mlp.hook_pre_linear"] = outs[m.up_proj][0]
        points[f"{at}.mlp.hook_post"] = ins[m.down_proj][0]
        points[f"{at}.hook_mlp_out"] = outs[m][0]
        points[f"{at}.hook_resid_post"] = outs[block][0]
    norm_points("ln_final", body.norm, ins[body.norm][0], outs[body.norm][0], points, epsilon)
    points["unembed.hook_in"] = outs[body.norm][0]
    points["unembed.hook_out"] = output.logits[0]
    record.close()
    return output.logits[0], points, residuals


def save(tensors, path):
    tensors = {k: (v if v.dtype == torch.int64 else v.detach().float()).contiguous().clone()
               for k, v in tensors.items()}
    save_file(tensors, path, {"transformers": transformers.__version__, "torch": torch.__version__})
    path.chmod(0o644)


def make(name):
    kind, config, seed, dtype, holds = FAMILIES[name]
    config._attn_implementation = "eager"
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    model = kind(config).eval()
    randomise(model, seed)
    model.to(dtype).save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    (folder / "model.safetensors").chmod(0o644)
    model = kind.from_pretrained(folder, dtype=dtype, attn_implementation="eager").double().eval()
    forward = forward_gpt2 if kind is GPT2LMHeadModel else forward_llama
    if kind is LlamaForCausalLM:
        widen(model, torch.arange(12))
    generator = torch.Generator().manual_seed(seed + 1000)
    reference, gradients = {}, {}
    for p, length in enumerate(LENGTHS):
        ids = torch.randint(VOCABULARY, (length,), generator=generator)
        logits, points, residuals = forward(model, ids)
        if holds == "residuals":
            points = {k: v for k, v in points.items() if k.endswith("hook_resid_post")}
        reference[f"prompt{p}/input_ids"] = ids
        reference[f"prompt{p}/logits"] = logits
        reference |= {f"prompt{p}/{k}": v for k, v in points.items()}
        if p > 0 or holds == "residuals":
            continue
        for residual in residuals:
            residual.retain_grad()
        loss = F.cross_entropy(logits[:-1], ids[1:])
        model.zero_grad()
        loss.backward()
        reference[f"prompt{p}/loss"] = loss
        for i, residual in enumerate(residuals):
            reference[f"prompt{p}/grad/blocks.{i}.hook_resid_pre"] = residual.grad[0]
        for key, parameter in model.named_parameters():
            gradients[f"prompt{p}/grad/{key}"] = parameter.grad
            if any(part in key for part in ("c_attn", "k_proj", "v_proj")):
                reference[f"prompt{p}/grad/{key}"] = parameter.grad
    save(reference, folder / "reference.safetensors")
    if holds == "all parameters":
        save(gradients, folder / "gradients.safetensors")
    print(name, len(reference), "tensors", (folder / "reference.safetensors").stat().st_size, "bytes",
          (folder / "model.safetensors").stat().st_size, "bytes",
          "largest logit %.1f" % max(v.detach().abs().max().item() for k, v in reference.items()
                                     if k.endswith("/logits")))


if __name__ == "__main__":
    for name in sys.argv[1:]:
        make(name)
