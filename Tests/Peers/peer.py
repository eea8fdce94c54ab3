"""The work of a file, done by one peer: python peer.py KIND MODEL WORK.json OUT.npz

KIND is transformers, nnsight or lens. Each piece of work is written as that toolkit's documentation does it. Times are
printed as JSON lines, results (for comparison) go to OUT.npz.
"""

import json
import statistics
import sys
import time

import numpy
import torch

torch.set_num_threads(2)
KIND, FOLDER, WORK, OUT = sys.argv[1:5]
LEAST_RUNS, LEAST_SECONDS = 3, 0.4


def tensor(rows):
    return torch.tensor(rows)


class Transformers:
    """Plain transformers with PyTorch's forward hooks."""

    def __init__(self):
        from transformers import AutoModelForCausalLM

        self.model = AutoModelForCausalLM.from_pretrained(FOLDER, dtype=torch.float32).eval()
        self.blocks = self.model.transformer.h

    def logits(self, tokens):
        return self.model(tokens, use_cache=False).logits

    def forward(self, sequences):
        return {"last": self.logits(tensor(sequences))[-1, -1]}

    def capture(self, sequences):
        found, handles = {}, []
        for name, module in self.model.named_modules():
            handles.append(module.register_forward_hook(
                lambda module, inputs, output, name=name: found.__setitem__(
                    name, output[0] if isinstance(output, tuple) else output)))
        self.logits(tensor(sequences))
        for handle in handles:
            handle.remove()
        return {"last": found[f"transformer.h.{len(self.blocks) // 2}"][-1, -1]}

    def replacing(self, layer, rows, position, tokens):
        """Logits with the output of a block replaced at one position."""

        def hook(module, inputs, output):
            hidden = output[0] if isinstance(output, tuple) else output
            hidden = hidden.clone()
            hidden[:, position] = rows
            return (hidden,) + output[1:] if isinstance(output, tuple) else hidden

        handle = self.blocks[layer].register_forward_hook(hook)
        logits = self.logits(tokens)
        handle.remove()
        return logits

    def hendel(self, sequences, queries):
        states = self.model(tensor(sequences), use_cache=False, output_hidden_states=True)
        last = len(self.blocks) - 1
        top = {}
        handle = self.blocks[last].register_forward_hook(
            lambda m, i, o: top.__setitem__("out", o[0] if isinstance(o, tuple) else o))
        states = self.model.transformer(tensor(sequences), use_cache=False, output_hidden_states=True)
        handle.remove()
        predictions = []
        for layer in range(last + 1):
            theta = top["out"][:, -1] if layer == last else states.hidden_states[layer + 1][:, -1]
            logits = self.replacing(layer, theta, -1, tensor(queries))
            predictions.append(logits[:, -1].argmax(-1))
        return {"predictions": torch.stack(predictions)}

    def patching(self, clean, corrupt):
        states = self.model(tensor([clean]), use_cache=False, output_hidden_states=True)
        corrupt_tokens = tensor([corrupt])
        grid = torch.empty(len(self.blocks), len(clean))
        for layer, block in enumerate(self.blocks):
            for position in range(len(clean)):

                def hook(module, inputs, keywords):
                    hidden = (inputs[0] if inputs else keywords["hidden_states"]).clone()
                    hidden[:, position] = states.hidden_states[layer][:, position]
                    if inputs:
                        return (hidden,) + inputs[1:], keywords
                    return inputs, {**keywords, "hidden_states": hidden}

                handle = block.register_forward_pre_hook(hook, with_kwargs=True)
                logits = self.logits(corrupt_tokens)[0, -1]
                handle.remove()
                grid[layer, position] = logits[0] - logits[1]
        return {"grid": grid}

    def prefix(self, queries, prefix):
        tokens = tensor([prefix + query for query in queries])
        logits = torch.cat([
            self.model(tokens[at:at + 8], use_cache=False, logits_to_keep=1).logits[:, -1]
            for at in range(0, len(queries), 8)
        ])
        return {"predictions": logits.argmax(-1)}

    def prefix_cached(self, queries, prefix):
        """With the key/value cache of the prefix, repeated for a batch of queries."""
        import copy

        from transformers import DynamicCache

        cache = DynamicCache()
        self.model(tensor([prefix]), past_key_values=cache, use_cache=True, logits_to_keep=1)
        predictions = []
        for at in range(0, len(queries), 50):
            batch = tensor(queries[at:at + 50])
            own = copy.deepcopy(cache)
            own.batch_repeat_interleave(len(batch))
            logits = self.model(batch, past_key_values=own, use_cache=True, logits_to_keep=1).logits
            predictions.append(logits[:, -1].argmax(-1))
        return {"predictions": torch.cat(predictions)}

    def step(self, tokens):
        """Keys and values lie in one matrix with the queries: its gradient is taken, the queries' part dropped."""
        if not hasattr(self, "start"):
            self.start = {n: p.detach().clone() for n, p in self.model.named_parameters() if "c_attn" in n}
        with torch.enable_grad():
            for name, parameter in self.model.named_parameters():
                parameter.requires_grad_("c_attn" in name)
                if "c_attn" in name:
                    parameter.data.copy_(self.start[name])
            ids = tensor([tokens])
            logits = self.model(ids, use_cache=False).logits
            loss = torch.nn.functional.cross_entropy(logits[0, :-1], ids[0, 1:])
            self.model.zero_grad()
            loss.backward()
        width = self.model.config.n_embd
        for block in self.blocks:
            for parameter in block.attn.c_attn.parameters():
                parameter.grad[..., :width] = 0
                parameter.data -= 0.01 * parameter.grad
        return {"loss": loss.detach().reshape(1),
                "value_row": self.blocks[0].attn.c_attn.weight.detach()[:, 2 * width]}


class NNsight:
    def __init__(self):
        from nnsight import LanguageModel

        self.model = LanguageModel(FOLDER, device_map="cpu", dispatch=True)
        self.blocks = self.model.transformer.h

    def forward(self, sequences):
        with self.model.trace(tensor(sequences)):
            last = self.model.lm_head.output.save()
        return {"last": last[-1, -1]}

    def hendel(self, sequences, queries):
        thetas = []
        with self.model.trace(tensor(sequences)):
            thetas = list().save()
            for block in self.blocks:
                out = block.output
                thetas.append((out[0] if isinstance(out, tuple) else out)[:, -1])
        predictions = []
        for layer, theta in enumerate(thetas):
            with self.model.trace(tensor(queries)):
                out = self.blocks[layer].output
                (out[0] if isinstance(out, tuple) else out)[:, -1] = theta
                found = self.model.lm_head.output[:, -1].argmax(-1).save()
            predictions.append(found)
        return {"predictions": torch.stack(predictions)}


class Lens:
    """TransformerLens 2.x (HookedTransformer) and 4.x (TransformerBridge), weights as the checkpoint has them."""

    def __init__(self):
        try:
            from transformer_lens import HookedTransformer, HookedTransformerConfig
            from transformer_lens.pretrained.weight_conversions import convert_gpt2_weights
            from transformers import AutoModelForCausalLM

            source = AutoModelForCausalLM.from_pretrained(FOLDER, dtype=torch.float32)
            own = source.config
            config = HookedTransformerConfig(
                n_layers=own.n_layer, d_model=own.n_embd, n_ctx=own.n_positions, d_head=own.n_embd // own.n_head,
                n_heads=own.n_head, d_mlp=4 * own.n_embd, d_vocab=own.vocab_size, act_fn="gelu_new",
                normalization_type="LN", eps=own.layer_norm_epsilon, original_architecture="GPT2LMHeadModel")
            self.model = HookedTransformer(config)
            self.model.load_and_process_state_dict(
                convert_gpt2_weights(source, config), fold_ln=False, center_writing_weights=False,
                center_unembed=False, fold_value_biases=False)
        except ImportError:
            from transformer_lens.model_bridge import TransformerBridge

            self.model = TransformerBridge.boot_transformers(FOLDER, device="cpu")
            self.model.enable_compatibility_mode(no_processing=True)
        self.layers = range(self.model.cfg.n_layers)

    def forward(self, sequences):
        return {"last": self.model(tensor(sequences))[-1, -1]}

    def capture(self, sequences):
        _, cache = self.model.run_with_cache(tensor(sequences))
        return {"last": cache[f"blocks.{len(self.layers) // 2}.hook_resid_post"][-1, -1]}

    def hendel(self, sequences, queries):
        _, cache = self.model.run_with_cache(
            tensor(sequences), names_filter=lambda name: name.endswith("hook_resid_post"))
        predictions = []
        for layer in self.layers:
            name = f"blocks.{layer}.hook_resid_post"
            theta = cache[name][:, -1]

            def hook(value, hook):
                value[:, -1] = theta
                return value

            logits = self.model.run_with_hooks(tensor(queries), fwd_hooks=[(name, hook)])
            predictions.append(logits[:, -1].argmax(-1))
        return {"predictions": torch.stack(predictions)}

    def patching(self, clean, corrupt):
        from transformer_lens import patching

        _, cache = self.model.run_with_cache(tensor([clean]))
        corrupt_tokens = tensor([corrupt])
        grid = patching.get_act_patch_resid_pre(
            self.model, corrupt_tokens, cache,
            lambda logits: logits[0, -1, 0] - logits[0, -1, 1])
        return {"grid": grid}


def main():
    peer = {"transformers": Transformers, "nnsight": NNsight, "lens": Lens}[KIND]()
    results = {}
    with torch.no_grad():
        for name, work in json.load(open(WORK)).items():
            calls = {
                "forward": [("forward", lambda: peer.forward(work["sequences"]))],
                "forward16": [("forward", lambda: peer.forward(work["sequences"]))],
                "capture16": [("capture", lambda: peer.capture(work["sequences"]))],
                "hendel": [("hendel", lambda: peer.hendel(work["sequences"], work["queries"]))],
                "patching": [("patching", lambda: peer.patching(*work["sequences"]))],
                "prefix": [
                    ("prefix", lambda: peer.prefix(work["sequences"], work["prefix"][0])),
                    ("prefix_cached", lambda: peer.prefix_cached(work["sequences"], work["prefix"][0])),
                ],
                "step": [("step", lambda: peer.step(work["sequences"][0]))],
            }[name]
            for method, call in calls:
                if not hasattr(peer, method):
                    continue
                own = name + "_cached" if method.endswith("_cached") else name
                for key, value in call().items():
                    results[f"{own}/{key}"] = value.float().numpy()
                seconds = []
                while len(seconds) < LEAST_RUNS or sum(seconds) < LEAST_SECONDS:
                    start = time.perf_counter()
                    call()
                    seconds.append(time.perf_counter() - start)
                print(json.dumps({
                    "work": own, "fastest": min(seconds), "median": statistics.median(seconds),
                    "slowest": max(seconds), "runs": len(seconds)}), flush=True)
    numpy.savez(OUT, **results)


if sys.stdout and __name__ == "__main__":
    main()
