"""Writes mixed.json: digests of mixed texts and of the ids Hugging Face tokenizers gives them.

    pip install -r requirements.txt && python make_mixed.py PATH_TO_SHARED_REAL

The texts are made by an integer generator that MixedText.swift repeats from the same seeds and the same
parts (mixed_parts.json), so that only digests need to be stored. The tokenizers are the tiny ones of
tiny.json and, from the folder given, GPT-2's, NeoX's and that of stories260K.
"""

import hashlib
import json
import os
import struct
import sys

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

import make_cases

EXPECTED = "0.22.1"
HERE = os.path.dirname(os.path.abspath(__file__))
TARGET = 1 << 20
SEEDS = [1, 2, 3]

with open(os.path.join(HERE, "mixed_parts.json")) as f:
    PARTS = json.load(f)


class Source:
    """The upper 31 bits of a 64-bit linear congruential generator."""

    def __init__(self, seed):
        self.state = seed

    def below(self, n):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        return (self.state >> 33) % n

    def item(self, items):
        return items[self.below(len(items))]


def run(source, first, count, most):
    return "".join(chr(first + source.below(count)) for _ in range(1 + source.below(most)))


def latin(source):
    letters = PARTS["letters"]
    capital = source.below(8) == 0
    word = "".join(source.item(letters) for _ in range(1 + source.below(9)))
    return " " + (word[0].upper() + word[1:] if capital else word)


def scalar(source, limit):
    c = source.below(limit)
    return chr(0xFFFD if 0xD800 <= c < 0xE000 else c)


def piece(source):
    kind = source.below(24)
    if kind < 6:
        return latin(source)
    if kind < 9:
        return " " + run(source, [0x430, 0x3B1, 0x5D0][kind - 6], [32, 25, 27][kind - 6], 9)
    if kind == 9:
        first, count = source.item(PARTS["blocks"])
        return run(source, first, count, 12)
    if kind == 10:
        letter = source.item(PARTS["letters"])
        return letter + run(source, 0x300, 0x70, 3)
    if kind == 11:
        space = source.item(PARTS["spaces"])
        return space * (1 + source.below(40))
    if kind == 12:
        return run(source, source.item(PARTS["zeros"]), 10, 7)
    if kind == 13:
        return "".join(source.item(PARTS["punctuation"]) for _ in range(1 + source.below(4)))
    if kind == 14:
        return scalar(source, 0x3000)
    if kind == 15:
        return scalar(source, 0x110000)
    if kind == 16:
        return source.item(PARTS["letters"]) * (1 + source.below(60))
    names = ["emoji", "code", "composed", "lines", "contractions", "special", "invalid"]
    return source.item(PARTS[names[kind - 17]])


def mixed_text(seed):
    source, pieces, count = Source(seed), [], 0
    while count < TARGET:
        text = piece(source)
        pieces.append(text)
        count += len(text.encode())
    return "".join(pieces)


def gpt2(folder):
    t = Tokenizer(models.BPE.from_file(os.path.join(folder, "vocab.json"), os.path.join(folder, "merges.txt")))
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    t.add_special_tokens([AddedToken("<|endoftext|>", special=True, normalized=False)])
    return t


FORMS = ["NFC", "NFD", "NFKC", "NFKD", "Lowercase"]


def normalized(text):
    """Digests of a text under every normalizer that has no options."""
    return {f: hashlib.sha256(getattr(normalizers, f)().normalize_str(text).encode()).hexdigest() for f in FORMS}


def fragments(text):
    """Digests of the byte lengths of the fragments that each splitting pre-tokenizer cuts a text into."""
    every = {
        "gpt2": pre_tokenizers.Split(Regex(make_cases.GPT2), "isolated"),
        "llama3": pre_tokenizers.Split(Regex(make_cases.LLAMA3), "isolated"),
        "qwen2": pre_tokenizers.Split(Regex(make_cases.QWEN2), "isolated"),
        "Whitespace": pre_tokenizers.Whitespace(),
        "WhitespaceSplit": pre_tokenizers.WhitespaceSplit(),
        "Digits": pre_tokenizers.Digits(individual_digits=False),
        "Punctuation": pre_tokenizers.Punctuation("contiguous"),
    }
    out = {}
    for name, splitter in every.items():
        lengths = [len(piece.encode()) for piece, _ in splitter.pre_tokenize_str(text)]
        out[name] = hashlib.sha256(struct.pack(f"<{len(lengths)}I", *lengths)).hexdigest()
    return out


def every_scalar():
    """Every scalar, alone between two letters and once behind each mark of a few combining classes."""
    scalars = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    return "".join("a" + c for c in scalars) + "".join("o\u0327\u0301" + c for c in scalars)


def main(real):
    every = {
        "gpt2": gpt2(os.path.join(real, "tokenizers/gpt2")),
        "gpt-neox": Tokenizer.from_file(os.path.join(real, "tokenizers/gpt-neox/tokenizer.json")),
        "stories260K": Tokenizer.from_file(os.path.join(real, "models/stories260K/hf/tokenizer.json")),
    }
    with open(os.path.join(HERE, "tiny.json")) as f:
        for name, kind in json.load(f)["kinds"].items():
            every["tiny " + name] = Tokenizer.from_str(json.dumps(kind["tokenizer"]))
    out = []
    for seed in SEEDS:
        text = mixed_text(seed)
        entry = {"seed": seed, "bytes": len(text.encode()), "sha256": hashlib.sha256(text.encode()).hexdigest(), "tokenizers": {}, "normalized": normalized(text), "fragments": fragments(text)}
        for name, tokenizer in every.items():
            ids = tokenizer.encode(text, add_special_tokens=False).ids
            decoded = tokenizer.decode(ids, skip_special_tokens=False)
            entry["tokenizers"][name] = {
                "count": len(ids),
                "ids_sha256": hashlib.sha256(struct.pack(f"<{len(ids)}I", *ids)).hexdigest(),
                "decoded_sha256": hashlib.sha256(decoded.encode()).hexdigest(),
            }
        out.append(entry)
    with open(os.path.join(HERE, "mixed.json"), "w") as f:
        scalars = normalized(every_scalar())
        json.dump({"tokenizers": EXPECTED, "texts": out, "every_scalar": scalars}, f, indent=1)
        f.write("\n")


if __name__ == "__main__":
    if tokenizers.__version__ != EXPECTED:
        sys.exit(f"tokenizers {EXPECTED} is needed, found {tokenizers.__version__}")
    main(sys.argv[1])
