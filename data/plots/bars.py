"""A paper's table as grouped bars with 95 % intervals: bars.py RUN PICTURE [COLUMN=VALUE…]"""
import sys

import matplotlib.pyplot as plt
from chosen import chosen, parts

rows, title = chosen("results.csv", ["value"], metric="accuracy", layer="", task="mean", split="test", seed="")
models = list(dict.fromkeys(rows.model))
bars = parts(rows, "condition", ["model"], most=16)
width = 0.8 / len(bars)
for place, (label, own) in enumerate(bars):
    own = own.set_index("model").reindex(models)
    x = [i + (place - (len(bars) - 1) / 2) * width for i in range(len(models))]
    plt.bar(x, own.value, width, label=label)
    plt.errorbar(x, own.value, [own.value - own.ci_low, own.ci_high - own.value], fmt="none", ecolor="black", capsize=2)
    print(label, *(f"{model} {value}" for model, value in own.value.items()))
plt.xticks(range(len(models)), models)
plt.ylabel(rows.metric.iloc[0])
plt.title(title, fontsize="medium")
plt.legend(fontsize="small", bbox_to_anchor=(1, 1), loc="upper left")
plt.savefig(sys.argv[2], dpi=110, bbox_inches="tight")
