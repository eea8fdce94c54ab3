"""Layer × position, or layer × head with across=head: heat_map.py RUN PICTURE [across=head] [COLUMN=VALUE…]"""
import sys

import matplotlib.pyplot as plt
from chosen import chosen, name, parts

across = "head" if "across=head" in sys.argv else "position"
sys.argv = [argument for argument in sys.argv if argument not in ["across=head", "across=position"]]
rows, title = chosen(
    "results.csv", ["value", "layer", across], metric="normalised_effect", condition="denoised", task="mean", split="test",
    receiver="", **({} if across == "head" else {"head": ""}),
)
panels = parts(rows, "model", ["layer", across], most=8)
figure, axes = plt.subplots(1, len(panels), figsize=(4.5 * len(panels), 4), squeeze=False, layout="constrained")
limit = rows.value.abs().max()
for axis, (label, own) in zip(axes[0], panels):
    names = list(dict.fromkeys(own[across]))  # in the table's order, which is the prompt's
    grid = own.assign(layer=own.layer.astype(int)).pivot(index="layer", columns=across, values="value")[names]
    image = axis.imshow(grid, origin="lower", aspect="auto", cmap="RdBu_r", vmin=-limit, vmax=limit)
    axis.set(title=label, xlabel=across, ylabel="layer")
    axis.set_xticks(range(len(names)), names, rotation=90)
    axis.set_yticks(range(len(grid)), grid.index)
    layer, place = grid.stack().idxmax()
    print(label, "greatest", grid.stack().max(), "at layer", layer, name(across, place))
figure.suptitle(title, fontsize="medium")
figure.colorbar(image, ax=axes, label=rows.metric.iloc[0])
plt.savefig(sys.argv[2], dpi=110)
