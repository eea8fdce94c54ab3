# A curve over layers with its 95 % intervals: Rscript layer_curve.R RUN PICTURE.pdf [CONDITION] [TASK] [METRIC]
given <- commandArgs(trailingOnly = TRUE)
args <- c("", "", "task_vector", "mean", "accuracy")
args[seq_along(given)] <- given
rows <- read.csv(file.path(args[1], "results.csv"), na.strings = "")
rows <- subset(rows, condition == args[3] & task == args[4] & metric == args[5] & split == "test" & !is.na(layer))
models <- unique(rows$model)
pdf(args[2], width = 9)
par(mar = c(5, 4, 2, 13))  # room for the legend
plot(range(rows$layer), range(rows$ci_low, rows$ci_high), type = "n",
     xlab = "layer", ylab = paste(args[5], "of", args[3]))
for (i in seq_along(models)) {
  own <- aggregate(cbind(value, ci_low, ci_high) ~ layer, rows[rows$model == models[i], ], mean)
  polygon(c(own$layer, rev(own$layer)), c(own$ci_low, rev(own$ci_high)), col = adjustcolor(i, 0.2), border = NA)
  lines(own$layer, own$value, type = "b", col = i)
  cat(models[i], "highest", format(max(own$value), digits = 17), "at layer", own$layer[which.max(own$value)], "\n")
}
legend(par("usr")[2], par("usr")[4], models, col = seq_along(models), lty = 1, bty = "n", xpd = NA)
