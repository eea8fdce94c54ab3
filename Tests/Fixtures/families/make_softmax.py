# Tiny random models of the softmax families beyond GPT-2 and LLaMA, and what transformers computes with them.
#
# As in make_families.py: config.json, model.safetensors and reference.safetensors, in float64 from the modules of
# transformers (forward hooks), with the float32 islands of norms and softmax lifted to float64; rotary
# frequencies and sinusoids, which transformers rounds to float32, are computed again in float64 by its own code.
# Every module's inputs and outputs are recorded under TransformerLens's names, and what attention multiplies and
# takes the softmax of; norms are split into scale and value before the gain here, and asserted against the modules'
# own output.
#
# Python 3.11, torch 2.13.0+cpu, transformers 5.23.0, safetensors:  python make_softmax.py [NAME…]
import sys

import torch
import torch.nn.functional as F
import transformers as t
from make_families import HERE, Recorder, WideTorch, agree, save

SHAPE = dict(vocab_size=61, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
             num_attention_heads=4, max_position_embeddings=64, bos_token_id=1, eos_token_id=2,
             pad_token_id=0)
GROUPED = SHAPE | dict(num_key_value_heads=2)
GEMMA = GROUPED | dict(head_dim=12)
THETA = dict(rope_theta=1000.0)
FAMILIES = {
    "gptj-tiny": (t.GPTJConfig(
        vocab_size=61, n_positions=64, n_embd=32, n_layer=2, n_head=4, rotary_dim=4, n_inner=48,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0), 31),
    "neox-tiny": (t.GPTNeoXConfig(**SHAPE, rope_parameters=THETA | dict(
        rope_type="default", partial_rotary_factor=0.5)), 32),
    "neox-sequential": (t.GPTNeoXConfig(**SHAPE, use_parallel_residual=False), 33),
    "opt-tiny": (t.OPTConfig(
        vocab_size=61, hidden_size=32, num_hidden_layers=2, ffn_dim=48, num_attention_heads=4,
        max_position_embeddings=64, dropout=0.0, word_embed_proj_dim=32), 34),
    "xglm-tiny": (t.XGLMConfig(
        vocab_size=61, d_model=32, ffn_dim=48, num_layers=2, attention_heads=4,
        max_position_embeddings=64, dropout=0.0, attention_dropout=0.0), 35),
    "phi-tiny": (t.PhiConfig(**SHAPE), 36),
    "mistral-window": (t.MistralConfig(**GROUPED, sliding_window=5), 37),
    "qwen2-tiny": (t.Qwen2Config(
        **GROUPED, use_sliding_window=True, sliding_window=4, max_window_layers=1), 38),
    "qwen3-tiny": (t.Qwen3Config(**GROUPED, head_dim=12), 39),
    "gemma-tiny": (t.GemmaConfig(**GEMMA), 40),
    "gemma2-tiny": (t.Gemma2Config(
        **GEMMA, sliding_window=5, query_pre_attn_scalar=20, attn_logit_softcapping=2.0,
        final_logit_softcapping=3.0), 41),
    "gemma3-tiny": (t.Gemma3TextConfig(
        **GEMMA, sliding_window=5, query_pre_attn_scalar=20,
        layer_types=["sliding_attention", "full_attention"],
        rope_parameters=dict(
            sliding_attention=dict(rope_type="default", rope_theta=100.0),
            full_attention=dict(rope_type="linear", rope_theta=1000.0, factor=8.0))), 42),
    "llama3-scaled": (t.LlamaConfig(**GROUPED, rope_parameters=THETA | dict(
        rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
        original_max_position_embeddings=32)), 43),
    "llama-yarn": (t.LlamaConfig(**GROUPED, rope_parameters=THETA | dict(
        rope_type="yarn", factor=4.0, original_max_position_embeddings=16)), 44),
}
LENGTHS = [9, 1, 23]
FLOAT = torch.Tensor.float


def randomise(model, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            noise = torch.randn(p.shape, generator=generator)
            is_gain = p.dim() == 1 and name.endswith("weight")
            offset = 1.0 if is_gain and "gemma" not in model.config.model_type else 0.0
            p.copy_(offset + (0.3 if p.dim() == 1 else 0.5 if "embed" in name or "wte" in name
                              else 0.25) * noise)


def find(owner, *names):
    for name in names:
        found = getattr(owner, name, None)
        if isinstance(found, torch.nn.Module):
            return found


def norm_points(name, module, x, y, points):
    epsilon = getattr(module, "eps", None) or getattr(module, "variance_epsilon", None)
    if isinstance(module, torch.nn.LayerNorm):
        x = x - x.mean(-1, keepdim=True)
    scale = (x.pow(2).mean(-1, keepdim=True) + epsilon).sqrt()
    gain = module.weight + 1 if "Gemma" in type(module).__name__ else module.weight
    bias = getattr(module, "bias", None)
    agree(name, x / scale * gain + (0 if bias is None else bias), y, 1e-12)
    points |= {f"{name}.hook_scale": scale, f"{name}.hook_normalized": x / scale}


class WiderTorch(WideTorch):
    """torch, whose float is float64 as well."""

    def __getattr__(self, name):
        return super().__getattr__("float32" if name == "float" else name)


def widen_positions(model):
    """Rotary frequencies and sinusoids again, in float64; after widen, whose WideTorch leaves torch.float alone."""
    owner, utilities = sys.modules[type(model).__module__], t.modeling_rope_utils
    owner.torch = utilities.torch = WiderTorch()
    try:
        for module in list(model.modules()):
            before = dict(module.named_buffers(recurse=False))
            if "RotaryEmbedding" in type(module).__name__:
                module.__init__(model.config)
            elif "embed_positions" in before:  # GPT-J
                module.embed_positions = owner.create_sinusoidal_positions(module.max_positions, module.pos_embd_dim)
            elif hasattr(module, "get_embedding"):  # XGLM
                module.make_weights(len(module.weights), module.embedding_dim, module.padding_idx)
            else:
                continue
            for name, buffer in module.named_buffers(recurse=False):
                assert buffer.dtype == torch.float64, name
                agree(name, buffer, before[name], 1e-5)
            changed = [not torch.equal(b, before[n]) for n, b in module.named_buffers(recurse=False)]
            assert any(changed) or buffer.numel() == 1, type(module).__name__  # a single frequency is 1
    finally:
        utilities.torch = torch


def widen(model, ids):
    torch.set_default_dtype(torch.float64)
    before = model(ids[None], use_cache=False).logits
    sys.modules[type(model).__module__].torch = WideTorch()
    for module in model.modules():
        for name, buffer in list(module.named_buffers(recurse=False)):
            if buffer.is_floating_point():
                setattr(module, name, buffer.double())
    torch.Tensor.float = torch.Tensor.double
    after = model(ids[None], use_cache=False).logits
    agree("widened logits", after, before, 2e-4)


class Attention:
    """While it is open: what attention takes the softmax of, and the queries and keys that it multiplies."""

    def __init__(self, model):
        self.scores, self.turned = [], []
        self.owner = sys.modules[type(model).__module__]
        self.softmax, self.eager = F.softmax, getattr(self.owner, "eager_attention_forward", None)
        self.gptj = getattr(self.owner, "GPTJAttention", None)
        self.plain = self.gptj and self.gptj._attn

    def __enter__(self):
        def softmax(x, *rest, **options):
            lowest = torch.finfo(x.dtype).min / 2
            self.scores.append(torch.where(x < lowest, -torch.inf, x).detach())
            return self.softmax(x, *rest, **options)

        def keep(call):
            def wrapper(module, query, key, *rest, **options):
                self.turned.append((query.detach(), key.detach()))
                return call(module, query, key, *rest, **options)
            return wrapper

        F.softmax = softmax
        if self.eager:
            self.owner.eager_attention_forward = keep(self.eager)
        if self.gptj:
            self.gptj._attn = keep(self.plain)
        return self

    def __exit__(self, *error):
        F.softmax = self.softmax
        if self.eager:
            self.owner.eager_attention_forward = self.eager
        if self.gptj:
            self.gptj._attn = self.plain


def forward(model, ids):
    kind, record = model.config.model_type, Recorder()
    body = find(model, "model", "transformer", "gpt_neox")
    body = find(body, "decoder") or body
    blocks = getattr(body, "layers", None) or body.h
    for module in model.modules():
        record.watch(module) if len(list(module.children())) == 0 or module in list(blocks) else None
    for block in blocks:
        record.watch(find(block, "self_attn", "attention", "attn"))
        if find(block, "mlp"):
            record.watch(block.mlp)
    with Attention(model) as attention:
        output = model(input_ids=ids[None], use_cache=False, output_attentions=True)
    record.close()
    ins, outs = record.inputs, record.outputs
    points, residuals = {}, []
    embedded = outs[find(body, "embed_tokens", "wte", "embed_in")]
    points["hook_embed"] = embedded[0]  # Gemma's embedding modules multiply by sqrt(D) themselves
    positions = find(body, "embed_positions")
    if positions is not None:
        points["hook_pos_embed"] = outs[positions].view(len(ids), -1)
    assert len(attention.scores) == len(blocks) and len(attention.turned) in (0, len(blocks))
    shared = kind in ("gptj", "phi")
    sandwich = kind in ("gemma2", "gemma3_text")
    parallel = shared or getattr(model.config, "use_parallel_residual", False)
    for i, block in enumerate(blocks):
        at, a = f"blocks.{i}", find(block, "self_attn", "attention", "attn")
        a_module = a
        ln1 = find(block, "input_layernorm", "self_attn_layer_norm", "ln_1")
        residuals.append(ins[block])
        points[f"{at}.hook_resid_pre"] = ins[block][0]
        norm_points(f"{at}.ln1", ln1, ins[ln1][0], outs[ln1][0], points)
        if kind == "gpt_neox":
            heads = model.config.num_attention_heads
            whole = outs[a.query_key_value][0].view(len(ids), heads, 3, -1)
            q, k, v = whole.unbind(2)
        else:
            width = getattr(a, "head_dim")
            q, k, v = (outs[p][0].view(len(ids), -1, width) for p in (a.q_proj, a.k_proj, a.v_proj))
        points |= {f"{at}.attn.hook_q": q, f"{at}.attn.hook_k": k, f"{at}.attn.hook_v": v}
        if find(a, "q_norm"):
            # the module sees [batch, position, head, width] or [batch, head, position, width]
            for name, norm, plain in (("q", a.q_norm, q), ("k", a.k_norm, k)):
                x, y = ins[norm][0], outs[norm][0]
                if x.shape != plain.shape:
                    x, y = x.transpose(0, 1), y.transpose(0, 1)
                assert torch.equal(x, plain)
                norm_points(f"{at}.attn.{name}_norm", norm, x, y, points)
        if positions is None:
            points[f"{at}.attn.hook_rot_q"], points[f"{at}.attn.hook_rot_k"] = (
                x[0].transpose(0, 1) for x in attention.turned[i])
        scores = attention.scores[i].view(-1, len(ids), len(ids))
        points[f"{at}.attn.hook_attn_scores"] = scores
        out = find(a, "o_proj", "out_proj", "dense")
        pattern = output.attentions[i][0]
        agree(f"{at} softmax", scores.softmax(-1), pattern, 1e-12)
        points[f"{at}.attn.hook_pattern"] = pattern
        z = ins[out][0].view(len(ids), pattern.shape[0], -1)
        points[f"{at}.attn.hook_z"] = z
        result = torch.einsum("qhd,hdm->qhm", z, out.weight.T.reshape(*z.shape[1:], -1))
        points[f"{at}.attn.hook_result"] = result
        raw = outs[a_module][0]
        bias = 0 if out.bias is None else out.bias
        agree(f"{at} result", result.sum(1) + bias, raw, 1e-12)
        points[f"{at}.attn.hook_out"] = raw
        attended = raw
        if sandwich:
            norm = block.post_attention_layernorm
            norm_points(f"{at}.ln1_post", norm, raw, outs[norm][0], points)
            attended = outs[norm][0]
        points[f"{at}.hook_attn_out"] = attended
        ln2 = ln1 if shared else find(
            block, "pre_feedforward_layernorm", "post_attention_layernorm", "final_layer_norm")
        if not parallel:
            points[f"{at}.hook_resid_mid"] = ins[block][0] + attended
            agree(f"{at} mid", points[f"{at}.hook_resid_mid"], ins[ln2].view(len(ids), -1), 1e-12)
        norm_points(f"{at}.ln2", ln2, ins[ln2].view(len(ids), -1), outs[ln2].view(len(ids), -1), points)
        m = find(block, "mlp") or block
        gate, up = find(m, "gate_proj"), find(m, "up_proj", "fc1", "fc_in", "dense_h_to_4h")
        down = find(m, "down_proj", "fc2", "fc_out", "dense_4h_to_h")
        points[f"{at}.mlp.hook_pre"] = outs[gate or up].reshape(len(ids), -1)
        if gate:
            points[f"{at}.mlp.hook_pre_linear"] = outs[up][0]
        points[f"{at}.mlp.hook_post"] = ins[down].reshape(len(ids), -1)
        written = outs[down].reshape(len(ids), -1)
        if sandwich:
            norm = block.post_feedforward_layernorm
            norm_points(f"{at}.ln2_post", norm, written, outs[norm][0], points)
            written = outs[norm][0]
        points[f"{at}.hook_mlp_out"] = written
        points[f"{at}.hook_resid_post"] = outs[block][0]
        agree(f"{at} post", ins[block][0] + attended + written, outs[block][0], 1e-11)
    final = find(body, "norm", "ln_f", "final_layernorm", "final_layer_norm", "layer_norm")
    norm_points("ln_final", final, ins[final][0], outs[final][0], points)
    return output.logits[0], points, residuals


def make(name):
    torch.Tensor.float = FLOAT
    torch.set_default_dtype(torch.float32)
    config, seed = FAMILIES[name]
    config._attn_implementation = "eager"
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    model = t.AutoModelForCausalLM.from_config(config).eval()
    randomise(model, seed)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    (folder / "model.safetensors").chmod(0o644)
    model = model.double()
    widen(model, torch.arange(12))
    widen_positions(model)
    generator = torch.Generator().manual_seed(seed + 1000)
    reference = {}
    for p, length in enumerate(LENGTHS):
        ids = torch.randint(61, (length,), generator=generator)
        logits, points, residuals = forward(model, ids)
        reference |= {f"prompt{p}/input_ids": ids, f"prompt{p}/logits": logits}
        reference |= {f"prompt{p}/{k}": v for k, v in points.items()}
        if p > 0:
            continue
        for residual in residuals:
            residual.retain_grad()
        loss = F.cross_entropy(logits[:-1], ids[1:])
        model.zero_grad()
        loss.backward()
        reference["prompt0/loss"] = loss
        for i, residual in enumerate(residuals):
            reference[f"prompt0/grad/blocks.{i}.hook_resid_pre"] = residual.grad[0]
        for key, parameter in model.named_parameters():
            if any(part in key for part in ("k_proj", "v_proj", "query_key_value")):
                reference[f"prompt0/grad/{key}"] = parameter.grad
    torch.Tensor.float = FLOAT
    torch.set_default_dtype(torch.float32)
    save(reference, folder / "reference.safetensors")
    print(name, len(reference), "tensors")


for name in sys.argv[1:] or FAMILIES:
    try:
        make(name)
    except Exception as error:
        import traceback
        print(name, "FAILED", type(error).__name__, str(error)[:300])
        traceback.print_exc(limit=-2)
