"""Thetascope beside its peers on this machine: python compare.py [--model NAME] [--bf16] [WORK…]

Makes a model with random weights (gpt2, the default, pythia-410m or llama-1.1b) or takes a shipped one (softmax, linear:
for training and length), gives every toolkit the same tokens, checks that they find the same, and prints medians, ranges
and ratios. With --bf16 the weights are stored in bf16 and multiplied so, by us and by transformers, whose results then
differ by rounding: that is shown, and fails nothing. Each piece of work is written to data/benchmarks/peers.csv as it is
done, in the place of what was there. Run by `make bench-peers`.
"""

import argparse
import csv
import datetime
import json
import pathlib
import platform
import random
import re
import statistics
import subprocess
import sys
import time

import numpy

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = ROOT / ".build/peers"
OUT = HERE / "out.npz"
# name: (class, configuration's class, what differs from its defaults). Pythia's and TinyLlama's published shapes.
MODELS = {
    "gpt2": ("GPT2LMHeadModel", "GPT2Config", {}),
    "pythia-410m": ("GPTNeoXForCausalLM", "GPTNeoXConfig", dict(
        hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096, vocab_size=50304,
        rotary_pct=0.25, max_position_embeddings=2048)),
    "llama-1.1b": ("LlamaForCausalLM", "LlamaConfig", dict(
        hidden_size=2048, num_hidden_layers=22, num_attention_heads=32, num_key_value_heads=4, intermediate_size=5632,
        vocab_size=32000, max_position_embeddings=2048)),
}
SHIPPED = ("softmax", "linear")
VOCABULARY = {"softmax": 3599, "linear": 3599, "llama-1.1b": 32000}  # 50257 else
PEERS = {  # name: (virtual environment, kind)
    "transformers": ("transformers", "transformers"), "nnsight": ("nnsight", "nnsight"), "pyvene": ("pyvene", "pyvene"),
    "PyTorch with fla": ("fla", "linear"),
    "TransformerLens 2": ("lens2", "lens"), "TransformerLens 4": ("lens4", "lens"),
}
# Peers that can do a model's work; transformers alone where none is named.
KINDS = {"gpt2": ["transformers", "nnsight", "pyvene", "lens"], "linear": ["linear"]}
COLUMNS = ["date", "cpu", "model", "precision", "work", "toolkit", "median_s", "fastest_s", "slowest_s", "runs", "peak_mb",
           "ratio", "necessary_gflop_per_s", "share_of_peak", "agreement"]
SHOWN = {"model": 11, "precision": 9, "work": 10, "toolkit": 27, "median_s": 8, "fastest_s": 9, "slowest_s": 9, "runs": 4,
         "peak_mb": 7, "ratio": 6, "share_of_peak": 13, "agreement": 20}
WAYS = {"_cached": " with cache", "_recurrent": ", recurrent", "_chunk": ", chunked"}
# Multiplications and additions that the work needs, in GFLOP, where each thing is computed once (GPT-2 small: 85.0 M
# weights in blocks, 38.6 M in the unembedding): prompts and clean queries once, a patched row from its layer on, of the
# last block only what the last tokens need.
NECESSARY = {"hendel": 408, "patching": 145, "forward": 63, "forward16": 1015, "step": 34}


def model(name, bf16):
    """The folder of a model, made once where it is not shipped."""
    if name in SHIPPED:
        return ROOT / "data/models" / name
    folder = HERE / f"{name}-random{'-bf16' if bf16 else ''}"
    if (folder / "model.safetensors").exists():
        return folder
    kind, config, differs = MODELS[name]
    code = f"""
import torch, transformers
torch.manual_seed(1)
torch.set_default_dtype(torch.{"bfloat16" if bf16 else "float32"})
transformers.{kind}(transformers.{config}(**{differs!r})).save_pretrained({str(folder)!r}, max_shard_size="20GB")
"""
    subprocess.run([HERE / "transformers/bin/python", "-c", code], check=True)
    vocabulary = json.loads((folder / "config.json").read_text())["vocab_size"]
    words = {f"w{i}": i for i in range(vocabulary)}
    (folder / "tokenizer.json").write_text(json.dumps({
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"}, "post_processor": None, "decoder": None,
        "model": {"type": "WordLevel", "vocab": words, "unk_token": "w0"}}))
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "w1", "eos_token": "w2",
        "unk_token": "w0", "pad_token": "w2"}))
    return folder


def work(name):
    """The pieces of work for a model, by name."""
    vocabulary = VOCABULARY.get(name, 50257)
    draw = random.Random(1)

    def rows(count, length):
        return [[draw.randrange(vocabulary) for _ in range(length)] for _ in range(count)]

    if name in SHIPPED:
        lengths = (1024, 4096, 16384) if name == "linear" else ()
        return {"train": {"sequences": rows(64, 64)}} | {
            f"long{length}": {"sequences": rows(1, length)} for length in lengths}
    clean = rows(1, 16)[0]
    corrupt = clean[:3] + rows(1, 1)[0] + clean[4:]
    found = {
        "start": {"sequences": rows(1, 4)},
        "hendel": {"sequences": rows(50, 32), "queries": rows(50, 8)},
        "patching": {"sequences": [clean, corrupt]},
        "prefix": {"sequences": rows(200, 24), "prefix": rows(1, 800)},
        "step": {"sequences": rows(1, 64)},
        "forward": {"sequences": rows(1, 256)},
        "forward16": {"sequences": rows(16, 256)},
        "capture16": {"sequences": rows(16, 256)},
    }
    if name != "gpt2":
        found.pop("prefix")  # hours without a cache
    return found


def starts(command):
    """Seconds from the start of a process to its end, as `run` has them, and its peak memory in MB."""
    seconds, peaks = [], []
    for _ in range(5):
        start = time.perf_counter()
        done = subprocess.run(["/usr/bin/time", "-f", "peak %M", *map(str, command)], capture_output=True, text=True)
        seconds.append(time.perf_counter() - start)
        peaks.append(int(re.findall(r"peak (\d+)", done.stderr)[-1]) / 1024)
        if done.returncode:
            print(f"{command[0]} did not finish: {done.stderr.strip().splitlines()[-2:]}", file=sys.stderr)
            return None
    found = {"median": statistics.median(seconds), "fastest": min(seconds), "slowest": max(seconds), "runs": len(seconds),
             "peak_flops": 1}
    return {"start": found}, max(peaks), {}


def run(command):
    """Times by piece of work, peak memory in MB, and the results, which the command writes to OUT."""
    OUT.unlink(missing_ok=True)
    done = subprocess.run(["/usr/bin/time", "-f", "peak %M", *map(str, command)], capture_output=True, text=True)
    times = {}
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            found = json.loads(line)
            times[found["work"]] = found
    if done.returncode == 0 and not times:
        return None  # not a work of this toolkit
    if done.returncode:
        print(f"{command[0]} did not finish: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    peak = int(re.findall(r"peak (\d+)", done.stderr)[-1]) / 1024
    return times, peak, dict(numpy.load(OUT))


def agreement(ours, theirs, name, key):
    """What the results of one piece of work say, in words, and whether they are the same."""
    words, same = [], True
    for result in (r for r in ours if r.startswith(name + "/")):
        own, other = ours[result], theirs[result.replace(name + "/", key + "/")]
        if result.endswith("predictions"):
            words.append(f"{(own == other).mean():.1%} equal")
            same &= (own != other).mean() <= 0.005
        else:
            error = abs(own - other).max()
            words.append(f"{error:.0e} apart")
            same &= bool(error <= 1e-4 * max(1, abs(other).max()))
    return ", ".join(words), same


def compared(asked, name, own):
    """Rows of one piece of work, ours first, and whether all toolkits found the same."""
    folder, precision = model(asked.model, asked.bf16), "bf16" if asked.bf16 else "f32"
    file = HERE / "work.json"
    file.write_text(json.dumps({name: own}))
    binary = ROOT / ".build/release/thetascope"
    if name == "start":
        times, peak, ours = starts([
            binary, "generate", "--model", folder, "--precision", precision, "--prompt", "w1 w2 w3 w4",
            "--max-new-tokens", 1])
    else:
        times, peak, ours = run([
            binary, "bench", "--model", folder, "--precision", precision, "--work", file, "--out", OUT])
    necessary = NECESSARY.get(name) if asked.model == "gpt2" else None
    fastest = times[name]["peak_flops"]  # what this machine's arithmetic gave beside this piece of work
    mine = times[name]["median"]
    cpu = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), platform.machine())
    rows = []

    def add(toolkit, seconds, peak, said):
        rate = necessary and necessary / seconds["median"]
        rows.append(dict(zip(COLUMNS, [
            datetime.date.today().isoformat(), cpu, asked.model, precision, name, toolkit, f"{seconds['median']:.4f}",
            f"{seconds['fastest']:.4f}", f"{seconds['slowest']:.4f}", seconds["runs"], f"{peak:.0f}",
            f"{seconds['median'] / mine:.3f}", f"{rate:.0f}" if rate else "",
            f"{rate * 1e9 / fastest:.2f}" if rate else "", said])))
        print("  ".join(f"{rows[-1][column]:<{width}}" for column, width in SHOWN.items()), flush=True)

    add("thetascope", times[name], peak, "")
    same = True
    for peer, (environment, kind) in PEERS.items():
        if kind not in KINDS.get(asked.model, ["transformers"]) or asked.bf16 and kind != "transformers":
            continue
        python = HERE / environment / "bin/python"
        found = python.exists() and (starts if name == "start" else run)([
            python, ROOT / "Tests/Peers/peer.py", kind, folder, file, OUT, "bfloat16" if asked.bf16 else "float32"])
        for key, seconds in found[0].items() if found else ():
            said, agrees = agreement(ours, found[2], name, key)
            same &= agrees or asked.bf16
            add(peer + WAYS.get(key[len(name):], ""), seconds, found[1], said)
    return rows, same


def save(rows):
    """Puts rows of one piece of work into the table, in the place of those that were there."""
    path = ROOT / "data/benchmarks/peers.csv"
    path.parent.mkdir(exist_ok=True)
    piece = ["cpu", "model", "precision", "work"]
    kept = []
    if path.exists():
        with open(path, newline="") as file:
            kept = [row for row in csv.DictReader(file) if any(row[c] != rows[0][c] for c in piece)]
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(kept + rows)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", choices=[*MODELS, *SHIPPED], default="gpt2")
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("work", nargs="*")
    asked = parser.parse_args()
    failed = False
    print("  ".join(f"{column:<{width}}" for column, width in SHOWN.items()))
    for name, own in work(asked.model).items():
        if not asked.work or name in asked.work:
            rows, same = compared(asked, name, own)
            save(rows)
            failed |= not same
    sys.exit("the toolkits disagree" if failed else 0)


if __name__ == "__main__":
    main()
