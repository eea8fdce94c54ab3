"""A curve over layers with its 95 % intervals: layer_curve.py RUN PICTURE [CONDITION] [TASK] [METRIC]"""
import sys

import matplotlib.pyplot as plt
import pandas

run, picture, condition, task, metric = (sys.argv[1:] + ["task_vector", "mean", "accuracy"][len(sys.argv) - 3 :])[:5]
rows = pandas.read_csv(run + "/results.csv", keep_default_na=False, na_values=[""])
rows = rows[(rows.condition == condition) & (rows.task == task) & (rows.metric == metric)]
rows = rows[(rows.split == "test") & rows.layer.notna()]
for model, curve in rows.groupby("model", sort=False):
    curve = curve.groupby("layer")[["value", "ci_low", "ci_high"]].mean()  # of several hooks or positions
    plt.plot(curve.index, curve.value, marker="o", label=model)
    plt.fill_between(curve.index, curve.ci_low, curve.ci_high, alpha=0.2)
    print(model, "highest", curve.value.max(), "at layer", int(curve.value.idxmax()))
plt.xlabel("layer")
plt.ylabel(f"{metric} of {condition}, {task}")
plt.legend()
plt.savefig(picture, dpi=110)
