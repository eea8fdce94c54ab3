# Fine-tuning on a task without demonstrations, computed a second time: Hugging Face transformers, torch.optim.AdamW and peft
# in float32, on the tiny random LLaMA of ../families and the same batches in the same order.
#
# finetuning.json holds the batches and each step's loss; finetuning.safetensors the trained weights after the last step (by this
# project's canonical names), of the adapters also the values they began with and their
# gradients there, in float64.
# adapters/ holds the weights as peft writes them: the layout that exported adapters must have. exported_config.json is the config that
# this project writes for the same adapters (the test records it); it is loaded here in place of peft's own.
#
# Python 3.11, torch 2.13.0+cpu, transformers 5.23.0, peft 0.21.2:  python make_finetuning.py
import copy
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

torch.set_num_threads(1)
HERE = Path(__file__).parent
MODEL = HERE.parent / "families" / "llama-gqa"
STEPS, RATE, RANK, ALPHA, VOCABULARY = 6, 0.002, 3, 6, 61

NAMES = [("model.", ""), (".self_attn.", ".attn."), ("input_layernorm", "attn_norm"),
         ("post_attention_layernorm", "mlp_norm")]


def canonical(name):
    for ours, own in NAMES:
        name = name.replace(ours, own)
    return name


def examples(random, count, shots):
    """Prompts of random tokens, longer with more shots; answers of one or two tokens."""
    made = []
    for _ in range(count):
        length = 2 + int(random.integers(0, 3)) + 5 * shots
        made.append({
            "prompt": random.integers(0, VOCABULARY, length).tolist(),
            "answer": random.integers(0, VOCABULARY, 1 + int(random.integers(0, 2))).tolist()})
    return made


def loss(model, items):
    """The mean over examples of the summed loss of an answer's tokens, one example at a time: no padding."""
    total = 0
    for item in items:
        tokens, answer = item["prompt"] + item["answer"][:-1], item["answer"]
        logits = model(torch.tensor([tokens])).logits[0, -len(answer):]
        total = total + torch.nn.functional.cross_entropy(
            logits, torch.tensor(answer), reduction="sum")
    return total / len(items)


def train(model, batches, weight):
    named = {n: p for n, p in model.named_parameters() if p.requires_grad}
    optimiser = torch.optim.AdamW(
        named.values(), lr=RATE, betas=(0.9, 0.999), eps=1e-8, weight_decay=0)
    losses = []
    for step, batch in enumerate(batches):
        optimiser.zero_grad()
        value = loss(model, batch["zero_shot"])
        own = weight * (STEPS - 1 - step) / (STEPS - 1)
        if own > 0:
            value = value + own * loss(model, batch["few_shot"])
        value.backward()
        torch.nn.utils.clip_grad_norm_(named.values(), 1.0)
        optimiser.step()
        losses.append(float(value))
    return losses, named


def adapter(name):
    """layers.0.attn.v_proj.weight.lora_A of base_model.model.model.layers.0.self_attn.v_proj.lora_A.default.weight"""
    module, kind = name.removeprefix("base_model.model.").removesuffix(".default.weight").rsplit(".", 1)
    return f"{canonical(module)}.weight.{kind}"


def main():
    random = np.random.default_rng(7)
    batches = [{"zero_shot": examples(random, 4, 0), "few_shot": examples(random, 3, 2)}
               for _ in range(STEPS)]
    parts = {"all": lambda n: True, "query_key": lambda n: "q_proj" in n or "k_proj" in n,
             "value": lambda n: "v_proj" in n}
    kept = {"all": ["layers.1.", "norm.weight"], "query_key": ["_proj"], "value": ["_proj"]}
    cases, tensors = [], {}
    for part, trains in parts.items():
        for weight in (0, 1):
            model = AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.float32).eval()
            for name, parameter in model.named_parameters():
                parameter.requires_grad = trains(name)
            key = f"{part}/{weight}"
            losses, named = train(model, batches, weight)
            for name, parameter in named.items():
                own = canonical(name)
                if any(own.startswith(k) or k in own for k in kept[part]):
                    tensors[f"{key}/{own}"] = parameter.detach().clone()
            cases.append({"part": part, "weight": weight, "rank": None, "losses": losses})

    torch.manual_seed(3)
    model = AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.float32).eval()
    config = LoraConfig(
        r=RANK, lora_alpha=ALPHA, target_modules=["q_proj", "v_proj", "down_proj"], lora_dropout=0.0,
        bias="none", task_type="CAUSAL_LM")
    model = get_peft_model(model, config).eval()
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data = 0.1 * torch.randn_like(parameter)
            tensors[f"lora/first/{adapter(name)}"] = parameter.detach().clone()
    # The first step's loss and gradients, in float64.
    exact = copy.deepcopy(model).double()
    value = loss(exact, batches[0]["zero_shot"]) + loss(exact, batches[0]["few_shot"])
    value.backward()
    for name, parameter in exact.named_parameters():
        if parameter.requires_grad:
            tensors[f"lora/gradient/{adapter(name)}"] = parameter.grad.float()
    losses, named = train(model, batches, 1)
    for name, parameter in named.items():
        tensors[f"lora/last/{adapter(name)}"] = parameter.detach().clone()
    cases.append({"part": "lora", "weight": 1, "rank": RANK, "alpha": ALPHA, "losses": losses,
                  "first_loss": float(value)})
    # What peft computes beside the frozen weights, without merging.
    tokens = batches[0]["few_shot"][0]["prompt"]
    with torch.no_grad():
        tensors["lora/logits"] = model(torch.tensor([tokens])).logits[0].clone()
    model.save_pretrained(HERE / "adapters")
    for other in ("README.md", "adapter_config.json"):  # the latter lists modules in no fixed order
        (HERE / "adapters" / other).unlink(missing_ok=True)

    exported = HERE / "exported_config.json"
    if exported.exists():
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(exported, Path(folder) / "adapter_config.json")
            shutil.copy(HERE / "adapters" / "adapter_model.safetensors", folder)
            loaded = PeftModel.from_pretrained(
                AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.float32), folder).eval()
            with torch.no_grad():
                same = loaded(torch.tensor([tokens])).logits[0]
            assert torch.equal(same, tensors["lora/logits"]), "the exported config loads as something else"
            print("peft loads the exported config")

    save_file({k: v.contiguous() for k, v in tensors.items()}, HERE / "finetuning.safetensors")
    (HERE / "finetuning.json").write_text(json.dumps(
        {"model": "llama-gqa", "rate": RATE, "batches": batches, "cases": cases}, indent=None,
        separators=(",", ":")) + "\n")


main()
