"""Makes the fixtures of CheckpointIOTests: files that other people's software wrote, and its verdicts.

Pinned: numpy==1.26.4 safetensors==0.8.0 torch==2.13.0 (CPU), CPython 3.11. Run in this folder:
    python3 make_fixtures.py
The same versions give the same bytes.
"""

import json
import random
import struct

import numpy as np
import torch
from safetensors.numpy import save_file as save_numpy
from safetensors.torch import save_file as save_torch

HERE = __file__.rsplit("/", 1)[0] if "/" in __file__ else "."


def tensors():
    """Element i of a tensor of n elements is i * 3/4 - 1, or i - 1, or i; so the tests need no table."""
    result = {}
    for name, dtype in [("f64", torch.float64), ("f32", torch.float32), ("f16", torch.float16),
                        ("bf16", torch.bfloat16)]:
        result[name] = (torch.arange(6, dtype=torch.float64) * 0.75 - 1).reshape(2, 3).to(dtype)
    for name, dtype in [("i64", torch.int64), ("i32", torch.int32), ("i16", torch.int16),
                        ("i8", torch.int8)]:
        result[name] = torch.arange(3).to(dtype) - 1
    for name, dtype in [("u64", torch.uint64), ("u32", torch.uint32), ("u16", torch.uint16),
                        ("u8", torch.uint8)]:
        result[name] = torch.arange(3).to(dtype)
    result["bool"] = torch.tensor([False, True, True])
    result["scalar"] = torch.tensor(2.5)
    result["empty"] = torch.zeros(0, 4)
    result["h.0.é \"quoted\""] = torch.ones(1)
    return result


save_torch(tensors(), f"{HERE}/types.safetensors", {"format": "pt"})

# Every f16 and bf16 that is not NaN, widened to f32 by PyTorch.
for name, dtype in [("f16", torch.float16), ("bf16", torch.bfloat16)]:
    half = torch.arange(0, 65536, 7, dtype=torch.int32).to(torch.int16).view(dtype)
    half = half[~torch.isnan(half)]
    save_torch({"half": half, "widened": half.to(torch.float32)},
               f"{HERE}/widening_{name}.safetensors")

# Doubles narrowed by PyTorch: halfway cases, subnormals, overflow, signed zeros.
random.seed(1)
values = [0.0, -0.0, 1.0, 65504.0, 65520.0, 65519.99, 1e-8, 5.96e-8, 2.98e-8, 3.4e38, 1e39, -1e39,
          1.00390625, 1.01171875, 1.00048828125, 1.00146484375, float("inf"), -float("inf")]
values += [random.uniform(-4, 4) * 10.0 ** random.randint(-9, 9) for _ in range(500)]
floats = torch.tensor(values, dtype=torch.float32)
save_torch({"source": floats, "f16": floats.to(torch.float16), "bf16": floats.to(torch.bfloat16)},
           f"{HERE}/narrowing.safetensors")

# NumPy's own formats.
six = np.arange(6).reshape(2, 3)
np.save(f"{HERE}/f4.npy", (six * 0.75 - 1).astype("<f4"))
np.save(f"{HERE}/f8.npy", six * 0.75 - 1)
np.save(f"{HERE}/i4.npy", (six - 1).astype("<i4"))
np.save(f"{HERE}/i8.npy", six - 1)
np.save(f"{HERE}/scalar.npy", np.float64(2.5))
np.save(f"{HERE}/empty.npy", np.zeros((0, 4), "<f4"))
np.save(f"{HERE}/vector.npy", np.arange(5, dtype="<f4"))
with open(f"{HERE}/version2.npy", "wb") as file:
    np.lib.format.write_array(file, np.arange(3, dtype="<f4"), version=(2, 0))
with open(f"{HERE}/version3.npy", "wb") as file:
    np.lib.format.write_array(file, np.arange(3, dtype="<f4"), version=(3, 0))
np.save(f"{HERE}/fortran.npy", np.asfortranarray((six - 1).astype("<f4")))
np.save(f"{HERE}/big_endian.npy", six.astype(">f4"))
np.save(f"{HERE}/object.npy", np.array(["a", None], dtype=object), allow_pickle=True)
np.save(f"{HERE}/complex.npy", six.astype("<c8"))
np.save(f"{HERE}/structured.npy", np.zeros(2, dtype=[("x", "<f4"), ("y", "<i4")]))
arrays = {
    "blocks.0.hook_resid_post/seq3": (six * 0.75 - 1).astype("<f4"),
    "b": six * 0.75 - 1,
    "é": np.arange(3, dtype="<i4"),
}
np.savez(f"{HERE}/three.npz", **arrays)
np.savez_compressed(f"{HERE}/compressed.npz", a=np.zeros(100))

# Decimal literals and the doubles that CPython reads them as (correctly rounded).
random.seed(2)
literals = ["0.1", "1e23", "8.5e22", "9007199254740993.0", "123456789012345678901234567890", "5e-324",
            "2.2250738585072011e-308", "1.7976931348623157e308", "1e-400", "-0", "-0.0", "1E5", "1e+5",
            "18446744073709551616", "9223372036854775808", "-9223372036854775809",
            "0.500000000000000166533453693773481063544750213623046875", "1e22", "1e-22", "9007199254740992e22"]
for _ in range(1500):
    digits = "".join(random.choice("0123456789") for _ in range(random.randint(1, 22)))
    literal = random.choice(["", "-"]) + random.choice("123456789") + digits
    if random.random() < 0.9:
        point = random.randint(1, len(digits))
        literal = literal[:-point] + "." + literal[-point:]
    if "." not in literal or random.random() < 0.6:
        literal += random.choice("eE") + random.choice(["", "+", "-"]) + str(random.randint(0, 290))
    literals.append(literal)
with open(f"{HERE}/doubles.txt", "w") as file:
    for literal in literals:
        file.write(f"{literal} {struct.pack('>d', float(literal)).hex()}\n")


# Damaged JSON and whether CPython's reader takes it, made as strict as RFC 8259.
def strict(data):
    def refuse(_):
        raise ValueError

    def unique(pairs):
        if len({key for key, _ in pairs}) != len(pairs):
            raise ValueError
        return pairs

    def finite(text):
        if float(text) in (float("inf"), -float("inf")):
            raise ValueError
        return float(text)

    try:
        value = json.loads(data.decode("utf-8"), parse_constant=refuse, parse_float=finite,
                           object_pairs_hook=unique)
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # refuses half a surrogate pair
        return True
    except ValueError:
        return False


random.seed(3)
seeds = [
    '{"a": [1, -2.5e+3, true, null], "b": {"c": "x\\n\\u00e9\\ud83d\\ude00 é 漢"}, "d": []}',
    '[0, 10, 0.5, 1e5, "", "\\"\\\\\\/\\b\\f\\n\\r\\t", {}, [[]], false]',
    ' {"added_tokens":[{"id":0,"content":"<s>"}], "vocab":{"\\u0120a":1,"b":2}}\r\n\t',
    '"\\u0000\\uD834\\uDD1E"', "-0.0e-1", "[1,2,3]", "true",
]
alphabet = [b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"0", b"1", b"-", b"+", b".", b"e", b"E", b"u",
            b"d8", b" ", b"\n", b"\x00", b"\x1f", b"\x7f", b"\x80", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
            b"\xef\xbb\xbf", b"\xc0\x80", b"\xe2\x80\xa8", b"NaN", b"t", b"null", b"/", b"'", b"\\u", b"\\ud800"]
lines = []
for _ in range(2500):
    data = bytearray(random.choice(seeds).encode("utf-8"))
    for _ in range(random.choice([0, 1, 1, 1, 2, 3])):
        at = random.randrange(len(data) + 1)
        action = random.random()
        if action < 0.35:
            data[at:at] = random.choice(alphabet)
        elif action < 0.65:
            data[at:at + 1] = random.choice(alphabet)
        elif action < 0.85:
            del data[at:at + random.randint(1, 3)]
        else:
            begin = random.randrange(len(data) + 1)
            data[at:at] = data[begin:begin + 4]
    lines.append(("1" if strict(bytes(data)) else "0") + bytes(data).hex())
with open(f"{HERE}/damaged_json.txt", "w") as file:
    file.write("\n".join(sorted(set(lines))) + "\n")
