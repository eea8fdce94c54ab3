"""Error against demonstrations, the closed form as a line: shots_error.py RUN PICTURE [TASK] [MODEL]"""
import sys

import matplotlib.pyplot as plt
import pandas

run, picture, task, model = (sys.argv[1:] + ["theta_0", ""][len(sys.argv) - 3 :])[:4]
rows = pandas.read_csv(run + "/results.csv", keep_default_na=False, na_values=[""])
model = model or rows.model.iloc[0]
rows = rows[(rows.metric == "mse") & (rows.task == task) & (rows.model == model) & (rows.split == "test")]
rows = rows[rows.seed.isna()] if rows.seed.isna().any() else rows  # over the seeds, where there are several
for condition, own in rows.groupby("condition", sort=False):
    own = own.sort_values("shots")
    bar = plt.errorbar(own.shots, own.value, [own.value - own.ci_low, own.ci_high - own.value], fmt="o", label=condition)
    theory = own[own.mse_closed_form.notna()]
    plt.plot(theory.shots, theory.mse_closed_form, color=bar[0].get_color())
    print(condition, "at", int(own.shots.iloc[-1]), "shots:", own.value.iloc[-1], "closed form:", own.mse_closed_form.iloc[-1])
plt.xlabel("demonstrations")
plt.gca().xaxis.get_major_locator().set_params(integer=True)
plt.ylabel(f"mean squared error, {model}, {task}")
plt.yscale("log")
plt.legend(fontsize="small", bbox_to_anchor=(1, 1), loc="upper left")
plt.savefig(picture, dpi=110, bbox_inches="tight")
