"""θ in the plane, by PCA or with projection=tsne: scatter.py RUN PICTURE [COLUMN=VALUE…] (a run of task-geometry)"""
import sys

import matplotlib.pyplot as plt
from chosen import chosen, parts

rows, title = chosen("coordinates.csv", ["x"], projection="pca", condition="task_vector", layer="2")
panels = parts(rows, "model", ["task", "example"], most=8)
figure, axes = plt.subplots(1, len(panels), figsize=(5.5 * len(panels), 5), squeeze=False)
tasks = list(dict.fromkeys(rows.task))
for axis, (label, own) in zip(axes[0], panels):
    for task, points in own.groupby("task", sort=False):
        colour = plt.cm.nipy_spectral(tasks.index(task) / len(tasks))
        axis.scatter(points.x, points.y, s=12, color=colour, label=task)
        print(label, task, len(points), "centre", points.x.mean(), points.y.mean())
    axis.set(title=label)
figure.suptitle(title, fontsize="medium")
axes[0][-1].legend(fontsize="x-small", bbox_to_anchor=(1, 1), loc="upper left")
plt.savefig(sys.argv[2], dpi=110, bbox_inches="tight")
