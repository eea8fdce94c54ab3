# A paper's table as grouped bars with 95 % intervals: Rscript bars.R RUN PICTURE.pdf [METRIC] [TASK]
given <- commandArgs(trailingOnly = TRUE)
args <- c("", "", "accuracy", "mean")
args[seq_along(given)] <- given
rows <- read.csv(file.path(args[1], "results.csv"), na.strings = "")
rows <- subset(rows, metric == args[3] & task == args[4] & split == "test" & is.na(layer))
conditions <- unique(rows$condition)
models <- unique(rows$model)
table <- function(column) {
  outer(conditions, models, Vectorize(function(c, m) rows[rows$condition == c & rows$model == m, column][1]))
}
pdf(args[2], width = 9)
par(mar = c(5, 4, 2, 13), xpd = NA)  # room for the legend
x <- barplot(table("value"), beside = TRUE, names.arg = models, ylim = range(pretty(c(0, rows$ci_low, rows$ci_high, rows$value))),
             ylab = args[3], col = hcl.colors(length(conditions), "Dark 3"), legend.text = conditions,
             args.legend = list(x = par("usr")[2], y = par("usr")[4], xjust = 0, bty = "n", cex = 0.8))
arrows(x, table("ci_low"), x, table("ci_high"), angle = 90, code = 3, length = 0.02)
for (c in seq_along(conditions)) cat(conditions[c], paste(models, format(table("value")[c, ], digits = 17)), "\n")
