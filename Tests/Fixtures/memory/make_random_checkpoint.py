"""Writes a GPT-NeoX folder with random weights of the shape of Pythia 1.4B or 6.9B, to measure memory. Needs numpy.

    python3 make_random_checkpoint.py 1.4b|6.9b f32|bf16 TOKENIZER.json FOLDER

Shapes are those of EleutherAI/pythia-1.4b and -6.9b. Every matrix is a part of one block of Gaussian numbers: what is
measured is memory.
"""
import json, pathlib, shutil, sys
import numpy as np

SHAPES = {"1.4b": (2048, 24, 16, 8192, 50304), "6.9b": (4096, 32, 32, 16384, 50432)}

name, dtype, tokenizer, folder = sys.argv[1:]
width, layers, heads, mlp, vocabulary = SHAPES[name]
folder = pathlib.Path(folder)
folder.mkdir(parents=True, exist_ok=True)
shutil.copy(tokenizer, folder / "tokenizer.json")
(folder / "config.json").write_text(json.dumps({
    "model_type": "gpt_neox", "architectures": ["GPTNeoXForCausalLM"], "hidden_size": width,
    "intermediate_size": mlp, "num_hidden_layers": layers, "num_attention_heads": heads,
    "vocab_size": vocabulary, "max_position_embeddings": 2048, "layer_norm_eps": 1e-5,
    "rotary_emb_base": 10000, "rotary_pct": 0.25, "hidden_act": "gelu", "use_parallel_residual": True,
    "tie_word_embeddings": False, "bos_token_id": 0, "eos_token_id": 0,
    "torch_dtype": {"f32": "float32", "bf16": "bfloat16"}[dtype]}))


def linear(name, outputs, inputs):
    return [(name + ".weight", (outputs, inputs)), (name + ".bias", (outputs,))]


def norm(name):
    return [(name + ".weight", (width,)), (name + ".bias", (width,))]


tensors = [("gpt_neox.embed_in.weight", (vocabulary, width))]
for layer in range(layers):
    block = f"gpt_neox.layers.{layer}."
    tensors += norm(block + "input_layernorm") + norm(block + "post_attention_layernorm")
    tensors += linear(block + "attention.query_key_value", 3 * width, width)
    tensors += linear(block + "attention.dense", width, width)
    tensors += linear(block + "mlp.dense_h_to_4h", mlp, width) + linear(block + "mlp.dense_4h_to_h", width, mlp)
tensors += norm("gpt_neox.final_layer_norm") + [("embed_out.weight", (vocabulary, width))]

size = {"f32": 4, "bf16": 2}[dtype]
header, offset = {}, 0
for key, shape in tensors:
    end = offset + int(np.prod(shape)) * size
    header[key] = {"dtype": dtype.upper(), "shape": shape, "data_offsets": [offset, end]}
    offset = end
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
bits = (np.random.default_rng(1).standard_normal(1 << 24, dtype=np.float32) * 0.02).view(np.uint32)
block = (bits if dtype == "f32" else (bits >> 16).astype(np.uint16)).tobytes()
one = {"f32": np.float32(1).tobytes(), "bf16": b"\x80\x3f"}[dtype]
with open(folder / "model.safetensors", "wb") as file:
    file.write(len(text).to_bytes(8, "little") + text)
    for key, shape in tensors:
        count = int(np.prod(shape)) * size
        if key.endswith("norm.weight"):
            file.write(one * shape[0])
            continue
        while count > 0:
            file.write(block[:count])
            count -= min(count, len(block))
print(f"{offset} bytes, {offset // size} parameters")
