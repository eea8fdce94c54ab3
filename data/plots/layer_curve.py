"""Curves over layers with their 95 % intervals: layer_curve.py RUN PICTURE [COLUMN=VALUE…]"""
import sys

import matplotlib.pyplot as plt
from chosen import chosen, parts

rows, title = chosen(
    "results.csv", ["value", "layer"], metric="accuracy", condition="task_vector", task="mean", split="test", head="", seed=""
)
for label, curve in parts(rows, "model", ["layer"], most=12):
    curve = curve.set_index(curve.layer.astype(int)).sort_index()
    plt.plot(curve.index, curve.value, marker="o", label=label)
    plt.fill_between(curve.index, curve.ci_low, curve.ci_high, alpha=0.2)
    print(label, "highest", curve.value.max(), "at layer", curve.value.idxmax())
plt.xlabel("layer")
plt.ylabel(rows.metric.iloc[0])
plt.title(title, fontsize="medium")
plt.legend(fontsize="small", bbox_to_anchor=(1, 1), loc="upper left")
plt.savefig(sys.argv[2], dpi=110, bbox_inches="tight")
