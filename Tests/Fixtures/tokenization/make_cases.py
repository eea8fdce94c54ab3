"""Writes tiny.json and pipelines.json: tiny tokenizers and what Hugging Face tokenizers makes of texts.

    pip install -r requirements.txt && python make_cases.py

tiny.json holds whole tokenizers of each kind with cases; pipelines.json holds a few models and many
random pipelines around them (normalizers, pre-tokenizers, decoders, added tokens, templates), each with
random texts. `python make_cases.py COUNT SEED FILE` writes another, larger set of pipelines.
"""

import base64
import json
import os
import random
import sys
import tempfile

import sentencepiece
import tokenizers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

EXPECTED = "0.22.1"
HERE = os.path.dirname(os.path.abspath(__file__))

CORPUS = """
The quick brown fox jumps over the lazy dog. It's what they've said, isn't it? I'll go, you'd stay.
France -> Paris, Italy -> Rome, Spain -> Madrid; Japan -> Tokyo
def main(argv):\n    for i in range(10):\n        print("value", i * 2.5)\n    return 0
Numbers: 1 22 333 4444 55555 3.14159 1,000,000 2024-05-17
Быстрая коричневая лиса прыгает через ленивую собаку. Столица Франции — Париж.
Η γρήγορη καφέ αλεπού. El zorro marrón rápido, la niña, el año. Füße, Straße, naïve café.
日本語のテキスト。中文文本在这里。한국어 텍스트입니다. नमस्ते दुनिया สวัสดีชาวโลก مرحبا بالعالم
😀 😃 👩‍👩‍👧 🇫🇷 ❤️ smile
"""

PIECES = [
    " ", "  ", "   ", "\t", "\n", "\n\n", "\r\n", "\u00a0", "\u3000", "\u2028", "\u0085",
    "the", " quick", " brown", "fox", "It's", "they've", "I'LL", "'s", "'S", "'\u017f", "'re", "'", "''",
    "->", " -> ", "Paris", "Rome", "0", "12", "345", "6789", "\u0661\u0662", "\u00bd", "\u2167", "\u00b2",
    "лиса", "Париж", "γρήγορη", "ΣΑΣ", "niño", "nin\u0303o", "e\u0301\u0323", "\u1e69", "\u0344", "\u0390",
    "\ufb01", "\uff21", "\u2126", "\u212b", "\u0130", "ß", "ẞ", "\u3392", "日本語", "文本", "한국", "\u1112\u1161\u11ab",
    "नमस्ते", "สวัสดี", "مرحبا", "😀", "👩\u200d👧", "❤\ufe0f", "!", "?!", "...", "(", ")[", "\u2014", "\u00ab", "_",
    "a_b", "$", "+", "\u2581", "\u2581the", "Ġ", "<", ">", "<s>", "</s>", "<unk>", "[MASK]", "[MASK]x",
    " [MASK] ", "<0x41>", "\x00", "\x1f", "\x7f", "\ufffd", "\ufeff", "\ue000", "\U0010ffff", "\U000e0101",
    "\u0898", "A", "b", "Zz", "aa", "aaa", "longerwordthanusual",
]


SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]

# Replacements for SentencePiece: source and target as hexadecimal scalars, as its normalization_rule_tsv has them.
RULES = """
41	61
5A	7A 7A
FF21	41
FF41	61
FB01	66 69
2126	3A9
212B	C5
A0	20
3000	20
9	20
A	20
D	20
1F	
7F	
AD	
65 301	E9
6E 303	F1
1112 1161 11AB	D55C
69 307	69
D A	20
BD	31 2044 32
2167	56 49 49 49
3392	4D 48 7A
1F600	3A 29
"""


def charsmap(name=None):
    """A table of replacements, compiled by SentencePiece: of RULES, or one of its own (`nmt_nfkc`), in base64."""
    if name not in CHARSMAPS:
        with tempfile.TemporaryDirectory() as folder:
            with open(f"{folder}/rules.tsv", "w") as f:
                f.write(RULES.strip("\n") + "\n")
            rule = {"normalization_rule_name": name} if name else {"normalization_rule_tsv": f"{folder}/rules.tsv"}
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(CORPUS.split("\n") * 4), model_prefix=f"{folder}/m", vocab_size=220,
                hard_vocab_limit=False, minloglevel=2, **rule)
            with open(f"{folder}/m.model", "rb") as f:
                spec = field(f.read(), 3)
        CHARSMAPS[name] = base64.b64encode(field(spec, 2)).decode()
    return CHARSMAPS[name]


CHARSMAPS = {}


def field(message, wanted):
    """The first field of that number, of bytes, in a message of protocol buffers."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(message):
        key = varint()
        kind = key & 7
        if kind == 2:
            size = varint()
            if key >> 3 == wanted:
                return message[at:at + size]
            at += size
        elif kind == 0:
            varint()
        else:
            at += 8 if kind == 1 else 4
    raise KeyError(wanted)


def components_json(tokenizer):
    return json.loads(tokenizer.to_str())


def train(pre, trainer, model, normalizer=None):
    t = Tokenizer(model)
    t.pre_tokenizer = pre
    if normalizer is not None:
        t.normalizer = normalizer
    t.train_from_iterator([CORPUS] * 4, trainer)
    return components_json(t)["model"]


def unigram_model():
    """The model of unigram.json; where that is absent, one is trained anew, and no two trainings give the same."""
    path = os.path.join(HERE, "unigram.json")
    if not os.path.exists(path):
        model = train(
            pre_tokenizers.Metaspace(),
            trainers.UnigramTrainer(
                vocab_size=220, unk_token="<unk>", special_tokens=SPECIAL, show_progress=False
            ),
            models.Unigram(),
        )
        # no piece for some characters, and pieces so unlikely that the unknown token competes with them
        model["vocab"] = [[p, s] for p, s in model["vocab"] if p in SPECIAL or p not in "лФ本日語"]
        model["vocab"] += [["zq", -25.0], ["日本", -40.0], ["語", -3.0], ["<unk>x", -9.0], ["aaaa", -4.0]]
        write("unigram.json", model)
    with open(path) as f:
        return json.load(f)


def build_models():
    byte_level = train(
        pre_tokenizers.ByteLevel(add_prefix_space=False),
        trainers.BpeTrainer(
            vocab_size=420, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
        ),
        models.BPE(),
    )
    partial = train(
        pre_tokenizers.ByteLevel(add_prefix_space=False),
        trainers.BpeTrainer(
            vocab_size=200, limit_alphabet=60, special_tokens=["<unk>"], show_progress=False
        ),
        models.BPE(unk_token="<unk>"),
    )
    meta = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]
    fallback = train(
        pre_tokenizers.Metaspace(),
        trainers.BpeTrainer(vocab_size=400, limit_alphabet=60, special_tokens=tokens, show_progress=False),
        models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True),
    )
    across = train(  # merges across words: a text cannot be cut at U+2581
        pre_tokenizers.Split("\n", "removed"),
        trainers.BpeTrainer(vocab_size=420, limit_alphabet=60, special_tokens=tokens, show_progress=False),
        models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True),
        meta,
    )
    some = json.loads(json.dumps(fallback))
    for b in range(0x80, 0xE0):  # byte fallback with holes
        index = some["vocab"].pop(f"<0x{b:02X}>")
        some["vocab"][f"hole{b}"] = index
    characters = train(
        pre_tokenizers.Whitespace(),
        trainers.BpeTrainer(vocab_size=200, limit_alphabet=50, special_tokens=["<unk>"], show_progress=False),
        models.BPE(unk_token="<unk>", fuse_unk=True),
    )
    continuing = train(
        pre_tokenizers.WhitespaceSplit(),
        trainers.BpeTrainer(
            vocab_size=260, limit_alphabet=50, special_tokens=["<unk>"], show_progress=False,
            continuing_subword_prefix="##", end_of_word_suffix="</w>",
        ),
        models.BPE(unk_token="<unk>", continuing_subword_prefix="##", end_of_word_suffix="</w>"),
    )
    words = train(
        pre_tokenizers.Whitespace(),
        trainers.WordLevelTrainer(vocab_size=90, special_tokens=["<unk>", "<s>"], show_progress=False),
        models.WordLevel(unk_token="<unk>"),
    )
    ignoring = json.loads(json.dumps(byte_level))
    ignoring["ignore_merges"] = True
    ignoring["merges"] = ignoring["merges"][::2]
    made = {tuple(m) for m in ignoring["merges"]}
    while True:  # drop merges of parts that are no longer made
        whole = {a + b for a, b in made}
        kept = {m for m in made if all(len(p) == 1 or p in whole for p in m)}
        if kept == made:
            break
        made = kept
    ignoring["merges"] = [m for m in ignoring["merges"] if tuple(m) in made]
    spelled = json.loads(json.dumps(byte_level))
    spelled["merges"] = [" ".join(m) for m in spelled["merges"]]
    unigram = unigram_model()
    bytes_too = json.loads(json.dumps(unigram))
    bytes_too["byte_fallback"] = True
    bytes_too["vocab"] += [[f"<0x{b:02X}>", -30.0] for b in range(256)]
    holes = json.loads(json.dumps(bytes_too))
    holes["vocab"] = [[f"hole{p}" if "<0xE0>" <= p <= "<0xE9>" else p, s] for p, s in holes["vocab"]]
    silent = json.loads(json.dumps(unigram))
    silent["unk_id"] = None
    return {
        "unigram": unigram,
        "unigram_bytes": bytes_too,
        "unigram_holes": holes,
        "unigram_silent": silent,
        "byte_level": byte_level,
        "byte_level_ignoring": ignoring,
        "byte_level_partial": partial,
        "fallback": fallback,
        "fallback_across": across,
        "fallback_holes": some,
        "characters": characters,
        "continuing": continuing,
        "words": words,
        "spelled": spelled,
    }


GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace("{1,3}", "")
BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]


def split(pattern, behavior="Isolated", invert=False):
    return {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}


def byte_level_pre(prefix=False, regex=True):
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": regex}


def metaspace(scheme="always", splits=True):
    return {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": splits}


def sequence(kind, items):
    key = {"normalizer": "normalizers", "pre": "pretokenizers", "decoder": "decoders", "post": "processors"}[kind]
    return {"type": "Sequence", key: items}


def random_normalizer(r):
    def one():
        if r.random() < 0.25:
            return r.choice([
                {"type": "Precompiled", "precompiled_charsmap": charsmap()},
                {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": r.choice([" ", "▁", ""])},
            ])
        return r.choice([
            {"type": "NFC"}, {"type": "NFD"}, {"type": "NFKC"}, {"type": "NFKD"}, {"type": "Lowercase"},
            {"type": "Prepend", "prepend": "▁"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
            {"type": "Replace", "pattern": {"String": "aa"}, "content": "b"},
            {"type": "Replace", "pattern": {"String": "\n"}, "content": ""},
            {"type": "Strip", "strip_left": r.random() < 0.7, "strip_right": r.random() < 0.7},
        ])

    n = r.choice([0, 0, 1, 1, 2, 3])
    if n == 0:
        return None
    return one() if n == 1 else sequence("normalizer", [one() for _ in range(n)])


def random_pre(r, kind):
    def one():
        return r.choice([
            split({"String": r.choice([" ", "->", "\n", "a", "aa", "'"])}, r.choice(BEHAVIORS), r.random() < 0.2),
            split({"Regex": r.choice([GPT2, LLAMA3, QWEN2])}, r.choice(BEHAVIORS[1:]), r.random() < 0.1),
            {"type": "Digits", "individual_digits": r.random() < 0.5},
            {"type": "Whitespace"},
            {"type": "WhitespaceSplit"},
            {"type": "Punctuation", "behavior": r.choice(BEHAVIORS)},
            # not "first" among bytes: the library sees each byte of a first character as first
            metaspace(r.choice(["always", "never"] + ["first"] * (kind != "bytes")), r.random() < 0.7),
            byte_level_pre(r.random() < 0.5, r.random() < 0.5) if kind == "bytes" else {"type": "WhitespaceSplit"},
        ])

    items = [one() for _ in range(r.choice([0, 1, 1, 2, 3]))]
    if kind == "bytes":
        items.append(r.choice([
            byte_level_pre(r.random() < 0.5, True),
            byte_level_pre(False, False),
            sequence("pre", [split({"Regex": r.choice([LLAMA3, QWEN2, GPT2])}), byte_level_pre(False, False)]),
            sequence("pre", [byte_level_pre(False, True), {"type": "Digits", "individual_digits": True}]),
        ]))
    if not items:
        return None
    return items[0] if len(items) == 1 else sequence("pre", items)


def random_decoder(r):
    def one():
        return r.choice([
            {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
            {"type": "ByteFallback"}, {"type": "Fuse"},
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
            {"type": "Strip", "content": r.choice([" ", "e"]), "start": r.choice([0, 1, 2]), "stop": 0},
            metaspace(r.choice(["always", "never", "first"])),
        ])

    n = r.choice([0, 1, 1, 2, 3, 4])
    if n == 0:
        return None
    return one() if n == 1 else sequence("decoder", [one() for _ in range(n)])


def ids_of(model):
    """The ids by piece: a unigram model lists its pieces, the others map them."""
    vocab = model["vocab"]
    return vocab if isinstance(vocab, dict) else {piece: index for index, (piece, _) in enumerate(vocab)}


def random_added(r, model):
    vocab = ids_of(model)
    size = len(vocab)
    added, contents = [], []
    for content in r.sample(["<s>", "[MASK]", "</s>", " ", "  ", "Fox", "\u2581the", "é", "\n\n", "->"], r.choice([0, 1, 2, 4])):
        index = vocab.get(content)
        if index is None:
            highest = max([a["id"] for a in added], default=-1)
            index = max(highest + 1, size)
        added.append({
            "id": index, "content": content, "single_word": r.random() < 0.3, "lstrip": r.random() < 0.3,
            "rstrip": r.random() < 0.3, "normalized": r.random() < 0.5, "special": r.random() < 0.5,
        })
        contents.append(content)
    return added


def random_post(r, model, added):
    def template():
        names = [a["content"] for a in added] or list(ids_of(model))[:2]
        def some():
            return [{"SpecialToken": {"id": r.choice(names), "type_id": 0}} for _ in range(r.choice([0, 1, 1, 2]))]
        single = some() + [{"Sequence": {"id": "A", "type_id": 0}}] + some()
        used = {s["SpecialToken"]["id"] for s in single if "SpecialToken" in s}
        ids = {a["content"]: a["id"] for a in added}
        return {
            "type": "TemplateProcessing", "single": single,
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {
                n: {"id": n, "ids": [ids.get(n, ids_of(model).get(n))], "tokens": [n]} for n in sorted(used)
            },
        }

    trim = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True}
    return r.choice([None, trim, template(), sequence("post", [trim, template()])])


def random_text(r):
    n = r.choice([0, 1, 2, 4, 8, 12])
    pieces = [r.choice(PIECES) for _ in range(n)]
    if r.random() < 0.2:
        pieces.append(chr(r.choice([r.randrange(0x3000), r.randrange(0xE000, 0x110000)])))
    return "".join(pieces)


def run(tokenizer, text, r, size):
    plain = tokenizer.encode(text, add_special_tokens=False).ids
    full = tokenizer.encode(text, add_special_tokens=True).ids
    ids = plain if r.random() < 0.5 else [r.randrange(size + 3) for _ in range(r.choice([0, 1, 3, 8]))]
    case = {
        "text": text, "ids": plain, "with_special": full, "decode": ids,
        "decoded": tokenizer.decode(ids, skip_special_tokens=False),
        "decoded_skipping": tokenizer.decode(ids, skip_special_tokens=True),
    }
    if case["decode"] == plain:
        del case["decode"]
    if full == plain:
        del case["with_special"]
    if case["decoded_skipping"] == case["decoded"]:
        del case["decoded_skipping"]
    return case


def pipelines(count, seed, texts):
    r = random.Random(seed)
    every = build_models()
    every.pop("spelled")
    cases = []
    while len(cases) < count:
        name = r.choice(sorted(every))
        model = every[name]
        added = random_added(r, model)
        config = {
            "added_tokens": added,
            "normalizer": random_normalizer(r),
            "pre_tokenizer": random_pre(r, "bytes" if name.startswith("byte_level") else "text"),
            "post_processor": random_post(r, model, added),
            "decoder": random_decoder(r),
        }
        normalizer = json.dumps(config["normalizer"])
        pairs = any(name in normalizer for name in ('"aa"', "Precompiled", "{2,}"))
        if pairs and '"first"' in json.dumps(config["pre_tokenizer"]):
            continue  # a replaced pair of characters counts as its second: the library loses the start
        document = {"version": "1.0", "truncation": None, "padding": None, **config, "model": model}
        tokenizer = Tokenizer.from_str(json.dumps(document))
        normal = tokenizer.normalizer
        if normal is not None and any(a["normalized"] and normal.normalize_str(a["content"]) == "" for a in added):
            continue  # an empty pattern matches everywhere; such a file is refused here
        size = len(model["vocab"]) + len(added)
        config = {k: v for k, v in config.items() if v}
        try:
            ran = [run(tokenizer, random_text(r), r, size) for _ in range(texts)]
        except BaseException as error:  # a panic of the library: no answer to compare with
            if isinstance(error, KeyboardInterrupt):
                raise
            continue
        cases.append({"model": name, "config": config, "cases": ran})
    return {"tokenizers": EXPECTED, "models": every, "pipelines": cases}


def tiny():
    r = random.Random(7)
    every = build_models()
    arrow = {"<unk>": 0, "<s>": 1, "->": 2, "\n": 3, ",": 4}
    for word in "France Paris French Europe Italy Rome Italian hot cold big small walk walking one two".split():
        arrow[word] = len(arrow)

    def special(content, index):
        return {
            "id": index, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
            "normalized": False, "special": True,
        }

    def template(content, index):
        return {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": content, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {content: {"id": content, "ids": [index], "tokens": [content]}},
        }

    documents = {
        "gpt2": {
            "pre_tokenizer": byte_level_pre(), "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
            "model": every["spelled"],
        },
        "neox": {
            "added_tokens": [special("<|endoftext|>", 420), {**special("   ", 421), "special": False, "normalized": True}],
            "normalizer": {"type": "NFC"}, "pre_tokenizer": byte_level_pre(),
            "post_processor": byte_level_pre(), "decoder": byte_level_pre(), "model": every["byte_level"],
        },
        "llama3": {
            "added_tokens": [special("<|begin|>", 420)],
            "pre_tokenizer": sequence("pre", [split({"Regex": LLAMA3}), byte_level_pre(False, False)]),
            "post_processor": sequence("post", [byte_level_pre(), template("<|begin|>", 420)]),
            "decoder": byte_level_pre(), "model": every["byte_level_ignoring"],
        },
        "llama": {
            "added_tokens": [special("<unk>", 0), special("<s>", 1), special("</s>", 2)],
            "normalizer": sequence("normalizer", [{"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]),
            "post_processor": template("<s>", 1),
            "decoder": sequence("decoder", [
                {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"},
                {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0},
            ]),
            "model": every["fallback"],
        },
        "arrow": {
            "added_tokens": [special("<unk>", 0), special("<s>", 1)],
            "pre_tokenizer": sequence("pre", [
                split({"String": "->"}), split({"String": "\n"}), split({"String": ","}), split({"String": " "}, "Removed"),
            ]),
            "post_processor": template("<s>", 1),
            "model": {"type": "WordLevel", "vocab": arrow, "unk_token": "<unk>"},
        },
        "xglm": {
            "added_tokens": [special(content, index) for index, content in enumerate(SPECIAL)],
            "normalizer": sequence("normalizer", [
                {"type": "Precompiled", "precompiled_charsmap": charsmap()},
                {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
            ]),
            "pre_tokenizer": sequence("pre", [{"type": "WhitespaceSplit"}, metaspace()]),
            "post_processor": template("</s>", 2), "decoder": metaspace(), "model": every["unigram"],
        },
        "t5": {
            "added_tokens": [special(content, index) for index, content in enumerate(SPECIAL)],
            "normalizer": sequence("normalizer", [
                {"type": "Precompiled", "precompiled_charsmap": charsmap()},
                {"type": "Strip", "strip_left": False, "strip_right": True},
                {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "▁"},
            ]),
            "pre_tokenizer": metaspace(splits=False),
            "decoder": sequence("decoder", [{"type": "ByteFallback"}, metaspace()]),
            "model": every["unigram_bytes"],
        },
    }
    texts = [
        "", " ", "France -> Paris\nItaly ->", "France->Paris,Italy->Rome\nhot ->", "one, two ,unseen", "<s>France <unk>",
        " hot  cold\n\n", "The quick brown fox, isn't it?", "  def main():\r\n\t return 12345 ", "naïve café Straße лиса 日本語 😀",
        "nin\u0303o e\u0301\u0323 \u1112\u1161\u11ab", "a" * 200, "     x", "<|endoftext|>the<|begin|> fox</s>", "\x00\x1f\ufffd\U0010ffff",
    ]
    out = {}
    for name, parts in documents.items():
        document = {
            "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
            "pre_tokenizer": None, "post_processor": None, "decoder": None, **parts,
        }
        tokenizer = Tokenizer.from_str(json.dumps(document))
        cases = []
        for text in texts + [random_text(r) for _ in range(10)]:
            case = run(tokenizer, text, r, tokenizer.get_vocab_size())
            # Where nothing is rewritten and no offset trimmed, offsets must agree; ASCII: characters are bytes.
            if text.isascii() and name in ("gpt2", "arrow"):
                case["offsets"] = [list(o) for o in tokenizer.encode(text, add_special_tokens=False).offsets]
            cases.append(case)
        out[name] = {"tokenizer": document, "cases": cases}
    return {"tokenizers": EXPECTED, "kinds": out}


def write(name, value):
    with open(os.path.join(HERE, name), "w") as f:
        json.dump(value, f, ensure_ascii=False, separators=(",", ":"), sort_keys=False)
        f.write("\n")


if __name__ == "__main__":
    if tokenizers.__version__ != EXPECTED:
        sys.exit(f"tokenizers {EXPECTED} is needed, found {tokenizers.__version__}")
    if len(sys.argv) == 4:
        write(sys.argv[3], pipelines(int(sys.argv[1]), int(sys.argv[2]), 4))
    else:
        write("tiny.json", tiny())
        write("pipelines.json", pipelines(160, 1, 3))
