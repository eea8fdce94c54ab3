"""Thetascope beside its peers on this machine: python compare.py [WORK…]

Makes a GPT-2 small with random weights, gives every toolkit the same tokens, checks that they find the same, and
prints medians, ranges and ratios. Writes them to data/benchmarks/peers.csv, where rows of work not timed now stay. Run
by `make bench-peers`.
"""

import csv
import datetime
import json
import pathlib
import platform
import random
import re
import subprocess
import sys

import numpy

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = ROOT / ".build/peers"
MODEL = HERE / "gpt2-random"
VOCABULARY = 50257
PEERS = {  # name: (virtual environment, kind)
    "transformers": ("transformers", "transformers"), "nnsight": ("nnsight", "nnsight"),
    "TransformerLens 2": ("lens2", "lens"), "TransformerLens 4": ("lens4", "lens"),
}
# Multiplications and additions that the work needs, in GFLOP, where each thing is computed once (GPT-2 small: 85.0 M
# weights in blocks, 38.6 M in the unembedding): prompts and clean queries once, a patched row from its layer on, of the
# last block only what the last tokens need.
NECESSARY = {"hendel": 408, "patching": 145, "forward": 63, "forward16": 1015, "step": 34}


def model():
    if (MODEL / "model.safetensors").exists():
        return
    code = f"""
import torch
from transformers import GPT2Config, GPT2LMHeadModel
torch.manual_seed(1)
GPT2LMHeadModel(GPT2Config()).save_pretrained({str(MODEL)!r})
"""
    subprocess.run([HERE / "transformers/bin/python", "-c", code], check=True)
    words = {f"w{i}": i for i in range(VOCABULARY)}
    (MODEL / "tokenizer.json").write_text(json.dumps({
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"}, "post_processor": None, "decoder": None,
        "model": {"type": "WordLevel", "vocab": words, "unk_token": "w0"}}))
    (MODEL / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "w1", "eos_token": "w2",
        "unk_token": "w0", "pad_token": "w2"}))


def work():
    draw = random.Random(1)

    def rows(count, length):
        return [[draw.randrange(VOCABULARY) for _ in range(length)] for _ in range(count)]

    clean = rows(1, 16)[0]
    corrupt = clean[:3] + rows(1, 1)[0] + clean[4:]
    return {
        "hendel": {"sequences": rows(50, 32), "queries": rows(50, 8)},
        "patching": {"sequences": [clean, corrupt]},
        "prefix": {"sequences": rows(200, 24), "prefix": rows(1, 800)},
        "step": {"sequences": rows(1, 64)},
        "forward": {"sequences": rows(1, 256)},
        "forward16": {"sequences": rows(16, 256)},
        "capture16": {"sequences": rows(16, 256)},
    }


def run(command):
    """Times by piece of work, peak memory in MB, and the results."""
    out = HERE / "out.npz"
    out.unlink(missing_ok=True)
    done = subprocess.run(
        ["/usr/bin/time", "-f", "peak %M", *map(str, command), str(out)], capture_output=True, text=True)
    times = {}
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            found = json.loads(line)
            times[found["work"]] = found
    if not times or not out.exists():
        print(f"{command[0]} did not finish: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    peak = int(re.findall(r"peak (\d+)", done.stderr)[-1]) / 1024
    return times, peak, dict(numpy.load(out))


def main():
    model()
    wanted = sys.argv[1:]
    binary = ROOT / ".build/release/thetascope"
    table, failed = [], False
    for name, own in work().items():
        if wanted and name not in wanted:
            continue
        file = HERE / "work.json"
        file.write_text(json.dumps({name: own}))
        times, peak, ours = run([binary, "bench", "--model", MODEL, "--work", file, "--out"])
        mine = times[name]["median"]
        table.append([name, "thetascope", times[name], peak, 1, ""])
        for peer, (folder, kind) in PEERS.items():
            python = HERE / folder / "bin/python"
            found = python.exists() and run([python, ROOT / "Tests/Peers/peer.py", kind, MODEL, file])
            if not found:
                continue
            times, peak, theirs = found
            for key, time in times.items():
                same = []
                for result in (k for k in ours if k.startswith(name + "/")):
                    other = theirs[result.replace(name + "/", key + "/")]
                    if result.endswith("predictions"):
                        same.append(f"{(ours[result] == other).mean():.1%} equal")
                        failed |= (ours[result] != other).mean() > 0.005
                    else:
                        error = abs(ours[result] - other).max()
                        same.append(f"{error:.0e} apart")
                        failed |= not error <= 1e-4 * max(1, abs(other).max())
                table.append([
                    name, peer + (" with cache" if key.endswith("_cached") else ""), time, peak,
                    time["median"] / mine, ", ".join(same)])
    path = ROOT / "data/benchmarks/peers.csv"
    path.parent.mkdir(exist_ok=True)
    cpu = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), platform.machine())
    rows = [["date", "cpu", "work", "toolkit", "median_s", "fastest_s", "slowest_s", "runs", "peak_mb", "ratio",
             "necessary_gflop_per_s", "agreement"]]
    for name, toolkit, time, peak, ratio, same in table:
        rate = NECESSARY[name] / time["median"] if name in NECESSARY else None
        rows.append([
            datetime.date.today().isoformat(), cpu, name, toolkit, f"{time['median']:.4f}", f"{time['fastest']:.4f}",
            f"{time['slowest']:.4f}", time["runs"], f"{peak:.0f}", f"{ratio:.2f}",
            "" if rate is None else f"{rate:.0f}", same])
    timed = {row[2] for row in rows[1:]}
    kept = []
    if path.exists():
        with open(path, newline="") as file:
            kept = [row for row in list(csv.reader(file))[1:] if row[2] not in timed]
    with open(path, "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows[:1] + kept + rows[1:])
    for row in rows:
        print("  ".join(f"{str(cell):<{width}}" for cell, width in zip(row[2:], [10, 24, 8, 9, 9, 4, 7, 6, 21, 20])))
    print(path)
    sys.exit("the toolkits disagree" if failed else 0)


if __name__ == "__main__":
    main()
