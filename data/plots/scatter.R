# θ in the plane: Rscript scatter.R RUN PICTURE.pdf [pca|tsne] [LAYER] [CONDITION] (a run of task-geometry)
given <- commandArgs(trailingOnly = TRUE)
args <- c("", "", "pca", "2", "task_vector")
args[seq_along(given)] <- given
rows <- read.csv(file.path(args[1], "coordinates.csv"), na.strings = "")
rows <- subset(rows, projection == args[3] & layer == as.integer(args[4]) & condition == args[5])
tasks <- unique(rows$task)
colours <- hcl.colors(length(tasks), "Dark 3")
pdf(args[2], width = 9)  # a page for each model
par(mar = c(3, 3, 3, 14))  # room for the legend
for (own in split(rows, rows$model)) {
  plot(own$x, own$y, col = colours[match(own$task, tasks)], pch = 19, xlab = "", ylab = "",
       main = paste(own$model[1], args[3], "layer", args[4]))
  legend(par("usr")[2], par("usr")[4], tasks, col = colours, pch = 19, cex = 0.7, bty = "n", xpd = NA)
  for (t in tasks) {
    at <- own[own$task == t, ]
    cat(own$model[1], t, nrow(at), "centre", format(c(mean(at$x), mean(at$y)), digits = 17), "\n")
  }
}
