"""A paper's table as grouped bars with 95 % intervals: bars.py RUN PICTURE [METRIC] [TASK] [CONDITION,CONDITION…]"""
import sys

import matplotlib.pyplot as plt
import pandas

run, picture, metric, task, conditions = (sys.argv[1:] + ["accuracy", "mean", ""][len(sys.argv) - 3 :])[:5]
rows = pandas.read_csv(run + "/results.csv", keep_default_na=False, na_values=[""])
rows = rows[(rows.metric == metric) & (rows.task == task) & (rows.split == "test") & rows.layer.isna()]
conditions = conditions.split(",") if conditions else list(dict.fromkeys(rows.condition))
models = list(dict.fromkeys(rows.model))
width = 0.8 / len(conditions)
for place, condition in enumerate(conditions):
    own = rows[rows.condition == condition].groupby("model")[["value", "ci_low", "ci_high"]].first().reindex(models)
    x = [i + (place - (len(conditions) - 1) / 2) * width for i in range(len(models))]
    plt.bar(x, own.value, width, label=condition)
    plt.errorbar(x, own.value, [own.value - own.ci_low, own.ci_high - own.value], fmt="none", ecolor="black", capsize=2)
    print(condition, *(f"{model} {value}" for model, value in own.value.items()))
plt.xticks(range(len(models)), models)
plt.ylabel(f"{metric}, {task}")
plt.legend(fontsize="small", bbox_to_anchor=(1, 1), loc="upper left")
plt.savefig(picture, dpi=110, bbox_inches="tight")
