"""The shipped linear-attention model in PyTorch, its attention as flash-linear-attention's own CPU references have it.

Without gradients: `recurrent` and `chunk`, that package's naive_recurrent_simple_gla and naive_chunk_simple_gla. In
training: the parallel form, which is the fastest of PyTorch's at short lengths.
"""

import json
import pathlib

import torch
import torch.nn.functional as F
from fla.ops.simple_gla.naive import naive_chunk_simple_gla, naive_recurrent_simple_gla
from safetensors.torch import load_file


class LinearModel(torch.nn.Module):
    def __init__(self, folder):
        super().__init__()
        self.config = json.loads((pathlib.Path(folder) / "config.json").read_text())
        stored = load_file(pathlib.Path(folder) / "model.safetensors")
        self.weights = torch.nn.ParameterDict({
            name.replace(".", "/"): torch.nn.Parameter(value.float()) for name, value in stored.items()})
        self.decay = torch.tensor(self.config["decay"])
        self.form = "parallel"

    def weight(self, name):
        return self.weights[name.replace(".", "/")]

    def linear(self, x, name):
        return F.linear(x, self.weight(f"{name}.weight"))

    def norm(self, x, name):
        return F.rms_norm(x, x.shape[-1:], self.weight(f"{name}.weight"), self.config["norm_eps"])

    def attend(self, q, k, v):
        """Of [batch, tokens, heads, width]."""
        length = q.shape[1]
        if self.form == "parallel":
            distance = torch.arange(length)[:, None] - torch.arange(length)
            kept = torch.where(distance >= 0, self.decay[:, None, None] ** distance.clamp(min=0), 0.0)
            scores = torch.einsum("bqhd,bkhd->bhqk", q * q.shape[-1] ** -0.5, k) * kept
            return torch.einsum("bhqk,bkhd->bqhd", scores, v)
        gates = self.decay.log().expand(q.shape[0], length, -1)
        form = {"recurrent": naive_recurrent_simple_gla, "chunk": naive_chunk_simple_gla}[self.form]
        return form(q, k, v, gates)[0]

    def hidden(self, ids):
        """What the unembedding reads, [batch, tokens, width]."""
        heads, width = self.config["num_heads"], self.config["hidden_size"] // self.config["num_heads"]
        half = width // 2
        angle = torch.arange(ids.shape[1])[:, None] * self.config["rope_theta"] ** (-torch.arange(half) / half)
        cos, sin = angle.cos()[:, None], angle.sin()[:, None]

        def rotated(x):
            first, second = x[..., :half], x[..., half:]
            return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)

        x = F.embedding(ids, self.weight("model.embeddings.weight"))
        for layer in range(self.config["num_hidden_layers"]):
            at = f"model.layers.{layer}"
            y = self.norm(x, f"{at}.attn_norm")
            q, k, v = (self.linear(y, f"{at}.attn.{part}_proj").unflatten(-1, (heads, width)) for part in "qkv")
            z = self.attend(F.elu(rotated(q)) + 1, F.elu(rotated(k)) + 1, v)
            x = x + self.linear(self.norm(z, f"{at}.attn.norm").flatten(-2), f"{at}.attn.o_proj")
            y = self.norm(x, f"{at}.mlp_norm")
            gated = F.silu(self.linear(y, f"{at}.mlp.gate_proj")) * self.linear(y, f"{at}.mlp.up_proj")
            x = x + self.linear(gated, f"{at}.mlp.down_proj")
        return self.norm(x, "model.norm")

    def forward(self, ids, last_only=False):
        x = self.hidden(ids)
        return F.linear(x[:, -1:] if last_only else x, self.weight("model.embeddings.weight"))
