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
pdf(args[2])
x <- barplot(table("value"), beside = TRUE, names.arg = models, ylim = c(min(0, rows$ci_low, na.rm = TRUE), 1.3),
             ylab = args[3], legend.text = conditions, args.legend = list(cex = 0.7))
arrows(x, table("ci_low"), x, table("ci_high"), angle = 90, code = 3, length = 0.02)
for (c in seq_along(conditions)) cat(conditions[c], paste(models, format(table("value")[c, ], digits = 17)), "\n")
