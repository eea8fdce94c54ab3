"""The work of a file, done by one peer: python peer.py KIND MODEL WORK.json OUT.npz [TYPE]

KIND is transformers, nnsight, pyvene, linear or lens, TYPE of weights float32 (the default) or bfloat16. Each piece of
work is written as that toolkit's documentation does it. Times are printed as JSON lines, results (for comparison) go to
OUT.npz. Of "start" there is one forward pass, and the process ends.
"""

import json
import statistics
import sys
import time

import numpy
import torch

torch.set_num_threads(2)
KIND, FOLDER, WORK, OUT = sys.argv[1:5]
TYPE = getattr(torch, sys.argv[5] if len(sys.argv) > 5 else "float32")
TRAIN_STEPS = 5
WAYS = ("_cached", "_recurrent", "_chunk")  # of doing the same work
LEAST_RUNS, LEAST_SECONDS, MOST_SECONDS = 3, 0.4, 60


def tensor(rows):
    return torch.tensor(rows)


def blocks_of(model):
    """GPT-2's, GPT-NeoX's and LLaMA's blocks, in order."""
    for path in ("transformer.h", "gpt_neox.layers", "model.layers"):
        try:
            return model.get_submodule(path)
        except AttributeError:
            pass
    sys.exit(f"{type(model).__name__}: where are its blocks?")


def hidden_of(output):
    return output[0] if isinstance(output, tuple) else output


def train(model, logits, sequences):
    """TRAIN_STEPS steps of AdamW on all parameters; the loss of the last."""
    if not hasattr(model, "start"):
        model.start = {name: p.detach().clone() for name, p in model.named_parameters()}
    with torch.enable_grad():
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(True)
            parameter.data.copy_(model.start[name])
        optimiser = torch.optim.AdamW(model.parameters(), lr=0.001, betas=(0.9, 0.98), eps=1e-9, weight_decay=0)
        ids = tensor(sequences)
        for _ in range(TRAIN_STEPS):
            loss = torch.nn.functional.cross_entropy(logits(ids)[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return {"loss": loss.detach().reshape(1)}


class Transformers:
    """Plain transformers with PyTorch's forward hooks."""

    def __init__(self):
        from transformers import AutoModelForCausalLM

        self.model = AutoModelForCausalLM.from_pretrained(FOLDER, dtype=TYPE).eval()
        self.blocks = blocks_of(self.model)

    def logits(self, tokens):
        return self.model(tokens, use_cache=False).logits

    def forward(self, sequences):
        return {"last": self.logits(tensor(sequences))[-1, -1]}

    def train(self, sequences):
        return train(self.model, self.logits, sequences)

    def capture(self, sequences):
        found, handles = {}, []
        for name, module in self.model.named_modules():
            handles.append(module.register_forward_hook(
                lambda module, inputs, output, name=name: found.__setitem__(
                    name, hidden_of(output))))
        self.logits(tensor(sequences))
        for handle in handles:
            handle.remove()
        middle = self.blocks[len(self.blocks) // 2]
        return {"last": found[next(name for name, module in self.model.named_modules() if module is middle)][-1, -1]}

    def replacing(self, layer, rows, position, tokens):
        """Logits with the output of a block replaced at one position."""

        def hook(module, inputs, output):
            hidden = hidden_of(output).clone()
            hidden[:, position] = rows
            return (hidden,) + output[1:] if isinstance(output, tuple) else hidden

        handle = self.blocks[layer].register_forward_hook(hook)
        logits = self.logits(tokens)
        handle.remove()
        return logits

    def hendel(self, sequences, queries):
        last = len(self.blocks) - 1
        top = {}
        handle = self.blocks[last].register_forward_hook(
            lambda m, i, o: top.__setitem__("out", hidden_of(o)))
        states = self.model.base_model(tensor(sequences), use_cache=False, output_hidden_states=True)
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
        """Where keys and values lie in one matrix with the queries, its gradient is taken and the queries' part dropped."""
        config = self.model.config
        width = config.hidden_size
        head = width // config.num_attention_heads

        def queries(name, gradient):
            """The view of a gradient that belongs to the queries."""
            if "c_attn" in name:
                return gradient[..., :width]
            if "query_key_value" in name:
                return gradient.unflatten(0, (-1, 3, head))[:, 0]
            return gradient[:0]

        trained = {n: p for n, p in self.model.named_parameters()
                   if any(part in n for part in ("c_attn", "query_key_value", "k_proj", "v_proj"))}
        if not hasattr(self, "start"):
            self.start = {n: p.detach().clone() for n, p in trained.items()}
        with torch.enable_grad():
            for name, parameter in self.model.named_parameters():
                parameter.requires_grad_(name in trained)
            for name, parameter in trained.items():
                parameter.data.copy_(self.start[name])
            ids = tensor([tokens])
            logits = self.model(ids, use_cache=False).logits
            loss = torch.nn.functional.cross_entropy(logits[0, :-1].float(), ids[0, 1:])
            self.model.zero_grad()
            loss.backward()
        for name, parameter in trained.items():
            queries(name, parameter.grad).zero_()
            parameter.data -= 0.01 * parameter.grad
        first = next(p for n, p in trained.items() if "k_proj" not in n and n.endswith("weight")).detach()
        row = {"c_attn": lambda: first[:, 2 * width], "query_key_value": lambda: first[2 * head]}
        kind = next((k for k in row if any(k in n for n in trained)), None)
        return {"loss": loss.detach().reshape(1), "value_row": row[kind]() if kind else first[0]}


class NNsight:
    def __init__(self):
        from nnsight import LanguageModel

        self.model = LanguageModel(FOLDER, device_map="cpu", dispatch=True)
        self.blocks = blocks_of(self.model)

    def forward(self, sequences):
        with self.model.trace(tensor(sequences)):
            last = self.model.lm_head.output.save()
        return {"last": last[-1, -1]}

    def hendel(self, sequences, queries):
        thetas = []
        with self.model.trace(tensor(sequences)):
            thetas = list().save()
            for block in self.blocks:
                thetas.append(hidden_of(block.output)[:, -1])
        predictions = []
        for layer, theta in enumerate(thetas):
            with self.model.trace(tensor(queries)):
                hidden_of(self.blocks[layer].output)[:, -1] = theta
                found = self.model.lm_head.output[:, -1].argmax(-1).save()
            predictions.append(found)
        return {"predictions": torch.stack(predictions)}


    def patching(self, clean, corrupt):
        with self.model.trace(tensor([clean])):
            states = list().save()
            for block in self.blocks:
                states.append(block.input)
        grid = torch.empty(len(self.blocks), len(clean))
        for layer in range(len(self.blocks)):
            for position in range(len(clean)):
                with self.model.trace(tensor([corrupt])):
                    self.blocks[layer].input[:, position] = states[layer][:, position]
                    logits = self.model.lm_head.output[0, -1].save()
                grid[layer, position] = logits[0] - logits[1]
        return {"grid": grid}


class Pyvene:
    """Interchange interventions, given the source's activations."""

    def __init__(self):
        import pyvene
        from transformers import AutoModelForCausalLM

        self.pyvene = pyvene
        self.model = AutoModelForCausalLM.from_pretrained(FOLDER, dtype=TYPE).eval()
        self.layers = range(len(blocks_of(self.model)))

    def intervenable(self, layer, component, intervention):
        return self.pyvene.IntervenableModel(
            self.pyvene.IntervenableConfig([{
                "layer": layer, "component": component, "intervention_type": intervention}]), self.model)

    def states(self, sequences, component):
        """The residual stream at one component of each block, of every token."""
        found = []
        for layer in self.layers:
            collect = self.intervenable(layer, component, self.pyvene.CollectIntervention)
            places = list(range(len(sequences[0])))
            (_, rows), _ = collect({"input_ids": tensor(sequences)}, unit_locations={"base": places})
            found.append(torch.stack([torch.as_tensor(r) for r in rows]).reshape(len(sequences), len(places), -1))
        return found

    def patched(self, layer, component, position, rows, tokens):
        model = self.intervenable(layer, component, self.pyvene.VanillaIntervention)
        _, out = model(
            {"input_ids": tensor(tokens)}, source_representations=rows, unit_locations={"base": position})
        return out.logits

    def hendel(self, sequences, queries):
        last = len(queries[0]) - 1
        return {"predictions": torch.stack([
            self.patched(layer, "block_output", last, state[:, -1:], queries)[:, -1].argmax(-1)
            for layer, state in enumerate(self.states(sequences, "block_output"))])}

    def patching(self, clean, corrupt):
        grid = torch.empty(len(self.layers), len(clean))
        for layer, state in enumerate(self.states([clean], "block_input")):
            for position in range(len(clean)):
                logits = self.patched(
                    layer, "block_input", position, state[:, position:position + 1], [corrupt])[0, -1]
                grid[layer, position] = logits[0] - logits[1]
        return {"grid": grid}


class Linear:
    """The shipped linear-attention model, on flash-linear-attention's references."""

    def __init__(self):
        from linear import LinearModel

        self.model = LinearModel(FOLDER)

    def train(self, sequences):
        self.model.form = "parallel"
        return train(self.model, self.model, sequences)

    def long_recurrent(self, sequences):
        self.model.form = "recurrent"
        return {"last": self.model(tensor(sequences), last_only=True)[0, -1]}

    def long_chunk(self, sequences):
        self.model.form = "chunk"
        return {"last": self.model(tensor(sequences), last_only=True)[0, -1]}


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
    peer = {"transformers": Transformers, "nnsight": NNsight, "pyvene": Pyvene, "linear": Linear, "lens": Lens}[KIND]()
    results = {}
    with torch.no_grad():
        for name, work in json.load(open(WORK)).items():
            if name == "start":
                if not hasattr(peer, "forward"):
                    sys.exit("no such work")
                peer.forward(work["sequences"])
                return
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
                "train": [("train", lambda: peer.train(work["sequences"]))],
                "long": [("long_recurrent", lambda: peer.long_recurrent(work["sequences"])),
                         ("long_chunk", lambda: peer.long_chunk(work["sequences"]))],
            }["long" if name.startswith("long") else name]
            for method, call in calls:
                if not hasattr(peer, method):
                    continue
                own = name + next((way for way in WAYS if method.endswith(way)), "")
                for key, value in call().items():
                    results[f"{own}/{key}"] = value.float().numpy()
                seconds = []
                while len(seconds) < LEAST_RUNS and sum(seconds) < MOST_SECONDS or sum(seconds) < LEAST_SECONDS:
                    start = time.perf_counter()
                    call()
                    seconds.append(time.perf_counter() - start)
                print(json.dumps({
                    "work": own, "fastest": min(seconds), "median": statistics.median(seconds),
                    "slowest": max(seconds), "runs": len(seconds)}), flush=True)
    numpy.savez(OUT, **results)


if sys.stdout and __name__ == "__main__":
    main()
