"""Error against demonstrations, the closed form as a line: shots_error.py RUN PICTURE [COLUMN=VALUE…]"""
import sys

import matplotlib.pyplot as plt
from chosen import chosen, parts

rows, title = chosen("results.csv", ["value", "shots"], metric="mse", task="theta_0", split="test", seed="")
for label, own in parts(rows, "condition", ["shots"], most=12):
    own = own.set_index(own.shots.astype(int)).sort_index()
    bar = plt.errorbar(own.index, own.value, [own.value - own.ci_low, own.ci_high - own.value], fmt="o", label=label)
    if "mse_closed_form" in own:
        plt.plot(own.mse_closed_form.dropna(), color=bar[0].get_color())
    print(label, "at", own.index[-1], "shots:", own.value.iloc[-1])
plt.xlabel("demonstrations")
plt.gca().xaxis.get_major_locator().set_params(integer=True)
plt.ylabel(rows.metric.iloc[0])
plt.yscale("log")
plt.title(title, fontsize="medium")
plt.legend(fontsize="small", bbox_to_anchor=(1, 1), loc="upper left")
plt.savefig(sys.argv[2], dpi=110, bbox_inches="tight")
