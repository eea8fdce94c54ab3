"""Writes a LLaMA folder with random weights of the size of Pythia 1.4B or 6.9B, to measure memory. Needs numpy.

    python3 make_random_checkpoint.py 1.4b|6.9b f32|bf16 TOKENIZER.json FOLDER

Widths, layers, heads and vocabulary are Pythia's (EleutherAI/pythia-1.4b, -6.9b); the gated MLP is narrower, so that
the number of parameters is. Every matrix is a part of one block of Gaussian numbers: what is measured is memory.
"""
import json, pathlib, shutil, sys
import numpy as np

SHAPES = {"1.4b": (2048, 24, 16, 5456, 50304), "6.9b": (4096, 32, 32, 10928, 50432)}

name, dtype, tokenizer, folder = sys.argv[1:]
width, layers, heads, mlp, vocabulary = SHAPES[name]
folder = pathlib.Path(folder)
folder.mkdir(parents=True, exist_ok=True)
shutil.copy(tokenizer, folder / "tokenizer.json")
(folder / "config.json").write_text(json.dumps({
    "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": width,
    "intermediate_size": mlp, "num_hidden_layers": layers, "num_attention_heads": heads,
    "num_key_value_heads": heads, "vocab_size": vocabulary, "max_position_embeddings": 2048,
    "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu", "tie_word_embeddings": False,
    "attention_bias": False, "mlp_bias": False, "bos_token_id": None, "eos_token_id": None,
    "torch_dtype": {"f32": "float32", "bf16": "bfloat16"}[dtype]}))

tensors = [("model.embed_tokens.weight", (vocabulary, width)), ("lm_head.weight", (vocabulary, width)),
           ("model.norm.weight", (width,))]
for layer in range(layers):
    block = f"model.layers.{layer}."
    tensors += [(block + f"self_attn.{p}_proj.weight", (width, width)) for p in "qkvo"]
    tensors += [(block + f"mlp.{p}_proj.weight", (mlp, width)) for p in ("gate", "up")]
    tensors += [(block + "mlp.down_proj.weight", (width, mlp))]
    tensors += [(block + n + "_layernorm.weight", (width,)) for n in ("input", "post_attention")]

size = {"f32": 4, "bf16": 2}[dtype]
header, offset = {}, 0
for key, shape in tensors:
    end = offset + int(np.prod(shape)) * size
    header[key] = {"dtype": dtype.upper(), "shape": shape, "data_offsets": [offset, end]}
    offset = end
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
numbers = (np.random.default_rng(1).standard_normal(1 << 24, dtype=np.float32) * 0.02)
bits = numbers.view(np.uint32)
block = (bits if dtype == "f32" else (bits >> 16).astype(np.uint16)).tobytes()
ones = {"f32": np.float32(1).tobytes(), "bf16": b"\x80\x3f"}[dtype]
with open(folder / "model.safetensors", "wb") as file:
    file.write(len(text).to_bytes(8, "little") + text)
    for key, shape in tensors:
        count = int(np.prod(shape)) * size
        if len(shape) == 1:
            file.write(ones * shape[0])
            continue
        while count > 0:
            file.write(block[:count])
            count -= min(count, len(block))
print(f"{offset} bytes, {offset // size} parameters")
