# Curves over layers with their 95 % intervals: Rscript layer_curve.R RUN PICTURE [COLUMN=VALUE…]
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))), "chosen.R"))

fit <- chosen("results.csv", c("value", "layer"),
              c(metric = "accuracy", condition = "task_vector", task = "mean", split = "test", head = "", seed = ""))
rows <- fit$rows
rows$at <- as.integer(rows$layer)
curves <- parts(rows, "model", c("layer", "at"), most = 12)
open_picture(width = 11)
par(mar = c(5, 4, 2, 18))  # room for the legend
plot(range(rows$at), range(rows$value, rows$ci_low, rows$ci_high, na.rm = TRUE), type = "n",
     xlab = "layer", ylab = rows$metric[1], main = fit$title, cex.main = 0.8)
for (i in seq_along(curves)) {
  own <- curves[[i]][order(curves[[i]]$at), ]
  polygon(c(own$at, rev(own$at)), c(own$ci_low, rev(own$ci_high)), col = adjustcolor(i, 0.2), border = NA)
  lines(own$at, own$value, type = "b", col = i)
  cat(names(curves)[i], "highest", digits(max(own$value)), "at layer", own$layer[which.max(own$value)], "\n")
}
legend(par("usr")[2], par("usr")[4], names(curves), col = seq_along(curves), lty = 1, bty = "n", xpd = NA)
