"""Layer × position or layer × head: heat_map.py RUN PICTURE [position|head] [METRIC] [CONDITION]"""
import sys

import matplotlib.pyplot as plt
import pandas

run, picture, across, metric, condition = (
    sys.argv[1:] + ["position", "normalised_effect", "denoised"][len(sys.argv) - 3 :]
)[:5]
rows = pandas.read_csv(run + "/results.csv", keep_default_na=False, na_values=[""])
rows = rows[(rows.condition == condition) & (rows.metric == metric) & rows.layer.notna() & rows[across].notna()]
rows = rows[rows["head"].isna() == (across == "position")]  # of a head's own position there is one
if "receiver" in rows:
    rows = rows[rows.receiver.isna()]  # no paths
panels = list(rows.groupby(["model", "hook"], sort=False))
figure, axes = plt.subplots(1, len(panels), figsize=(4.5 * len(panels), 4), squeeze=False, layout="constrained")
limit = rows.value.abs().max()
for axis, ((model, hook), own) in zip(axes[0], panels):
    names = list(dict.fromkeys(own[across]))  # in the table's order, which is the prompt's
    grid = own.pivot_table(index="layer", columns=across, values="value")[names]  # mean over tasks
    image = axis.imshow(grid, origin="lower", aspect="auto", cmap="RdBu_r", vmin=-limit, vmax=limit)
    axis.set(title=f"{model}, {hook}", xlabel=across, ylabel="layer")
    axis.set_xticks(range(len(names)), [str(int(n)) if across == "head" else n for n in names], rotation=90)
    layer, place = grid.stack().idxmax()
    print(model, hook, "greatest", grid.stack().max(), "at layer", int(layer), across, place)
figure.colorbar(image, ax=axes, label=f"{metric} of {condition}")
plt.savefig(picture, dpi=110)
