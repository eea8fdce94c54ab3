# Error against demonstrations, the closed form as a line: Rscript shots_error.R RUN PICTURE [COLUMN=VALUE…]
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))), "chosen.R"))

fit <- chosen("results.csv", c("value", "shots"), c(metric = "mse", task = "theta_0", split = "test", seed = ""))
rows <- fit$rows
rows$at <- as.integer(rows$shots)
lines_of <- parts(rows, "condition", c("shots", "at"), most = 12)
open_picture(width = 11)
par(mar = c(5, 4, 2, 18))  # room for the legend
plot(range(rows$at), range(rows$value, rows$ci_low, rows$ci_high, na.rm = TRUE), type = "n", log = "y",
     xlab = "demonstrations", ylab = rows$metric[1], main = fit$title, cex.main = 0.8)
for (i in seq_along(lines_of)) {
  own <- lines_of[[i]][order(lines_of[[i]]$at), ]
  points(own$at, own$value, col = i)
  segments(own$at, own$ci_low, own$at, own$ci_high, col = i)
  if ("mse_closed_form" %in% names(own)) lines(own$at, own$mse_closed_form, col = i)
  last <- nrow(own)
  cat(names(lines_of)[i], "at", own$at[last], "shots:", digits(own$value[last]), "\n")
}
legend(par("usr")[2], 10^par("usr")[4], names(lines_of), col = seq_along(lines_of), pch = 1, cex = 0.8, bty = "n", xpd = NA)
