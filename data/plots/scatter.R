# θ in the plane, by PCA or with projection=tsne: Rscript scatter.R RUN PICTURE [COLUMN=VALUE…] (a run of task-geometry)
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))), "chosen.R"))

fit <- chosen("coordinates.csv", "x", c(projection = "pca", condition = "task_vector", layer = "2"))
tasks <- unique(fit$rows$task)
colours <- hcl.colors(length(tasks), "Dark 3")
panels <- parts(fit$rows, "model", c("task", "example"), most = 8)
open_picture(width = 7 * length(panels))
par(mfrow = c(1, length(panels)), mar = c(3, 3, 3, 14))  # room for the legend
for (label in names(panels)) {
  own <- panels[[label]]
  plot(own$x, own$y, col = colours[match(own$task, tasks)], pch = 19, xlab = "", ylab = "",
       main = paste(label, fit$title, sep = "\n"), cex.main = 0.8)
  legend(par("usr")[2], par("usr")[4], tasks, col = colours, pch = 19, cex = 0.7, bty = "n", xpd = NA)
  for (t in tasks) {
    at <- own[own$task == t, ]
    cat(label, t, nrow(at), "centre", digits(c(mean(at$x), mean(at$y))), "\n")
  }
}
