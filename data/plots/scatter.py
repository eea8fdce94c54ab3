"""θ in the plane: scatter.py RUN PICTURE [pca|tsne] [LAYER] [CONDITION] (a run of task-geometry)"""
import sys

import matplotlib.pyplot as plt
import pandas

run, picture, projection, layer, condition = (sys.argv[1:] + ["pca", "2", "task_vector"][len(sys.argv) - 3 :])[:5]
rows = pandas.read_csv(run + "/coordinates.csv", keep_default_na=False, na_values=[""])
rows = rows[(rows.projection == projection) & (rows.layer == int(layer)) & (rows.condition == condition)]
models = list(rows.groupby("model", sort=False))
figure, axes = plt.subplots(1, len(models), figsize=(5.5 * len(models), 5), squeeze=False)
for axis, (model, own) in zip(axes[0], models):
    colours = iter(plt.cm.nipy_spectral([i / own.task.nunique() for i in range(own.task.nunique())]))
    for task, points in own.groupby("task", sort=False):
        axis.scatter(points.x, points.y, s=12, color=next(colours), label=task)
        print(model, task, len(points), "centre", points.x.mean(), points.y.mean())
    axis.set(title=f"{model}, {projection}, layer {layer}")
axes[0][-1].legend(fontsize="x-small", bbox_to_anchor=(1, 1), loc="upper left")
plt.savefig(picture, dpi=110, bbox_inches="tight")
