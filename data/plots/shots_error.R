# Error against demonstrations, the closed form as a line: Rscript shots_error.R RUN PICTURE.pdf [TASK] [MODEL]
given <- commandArgs(trailingOnly = TRUE)
args <- c("", "", "theta_0", "")
args[seq_along(given)] <- given
rows <- read.csv(file.path(args[1], "results.csv"), na.strings = "")
if (args[4] == "") args[4] <- rows$model[1]
rows <- subset(rows, metric == "mse" & task == args[3] & model == args[4] & split == "test")
if (any(is.na(rows$seed))) rows <- rows[is.na(rows$seed), ]  # over the seeds, where there are several
conditions <- unique(rows$condition)
pdf(args[2], width = 9)
par(mar = c(5, 4, 2, 13))  # room for the legend
plot(range(rows$shots), range(rows$ci_low, rows$ci_high), type = "n", log = "y",
     xlab = "demonstrations", ylab = paste("mean squared error", args[4], args[3], sep = ", "))
for (i in seq_along(conditions)) {
  own <- rows[rows$condition == conditions[i], ]
  own <- own[order(own$shots), ]
  points(own$shots, own$value, col = i)
  segments(own$shots, own$ci_low, own$shots, own$ci_high, col = i)
  lines(own$shots, own$mse_closed_form, col = i)
  last <- nrow(own)
  cat(conditions[i], "at", own$shots[last], "shots:", format(own$value[last], digits = 17), "\n")
}
legend(par("usr")[2], 10^par("usr")[4], conditions, col = seq_along(conditions), pch = 1, cex = 0.8, bty = "n", xpd = NA)
