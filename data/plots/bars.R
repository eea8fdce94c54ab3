# A paper's table as grouped bars with 95 % intervals: Rscript bars.R RUN PICTURE [COLUMN=VALUE…]
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))), "chosen.R"))

fit <- chosen("results.csv", "value", c(metric = "accuracy", layer = "", task = "mean", split = "test", seed = ""))
rows <- fit$rows
models <- unique(rows$model)
bars <- parts(rows, "condition", "model", most = 16)
table <- function(column) t(sapply(bars, function(own) own[match(models, own$model), column]))
cells <- lapply(c(value = "value", low = "ci_low", high = "ci_high"),
                function(column) matrix(table(column), length(bars), length(models)))
open_picture(width = 11)
par(mar = c(5, 4, 2, 18), xpd = NA)  # room for the legend
x <- barplot(cells$value, beside = TRUE, names.arg = models, ylab = rows$metric[1], main = fit$title, cex.main = 0.8,
             ylim = range(pretty(c(0, unlist(cells)))), col = hcl.colors(length(bars), "Dark 3"), legend.text = names(bars),
             args.legend = list(x = par("usr")[2], y = par("usr")[4], xjust = 0, bty = "n", cex = 0.8))
arrows(x, cells$low, x, cells$high, angle = 90, code = 3, length = 0.02)
for (i in seq_along(bars)) cat(names(bars)[i], paste(models, digits(cells$value[i, ])), "\n")
