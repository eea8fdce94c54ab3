# Layer × position or layer × head: Rscript heat_map.R RUN PICTURE.pdf [position|head] [METRIC] [CONDITION]
given <- commandArgs(trailingOnly = TRUE)
args <- c("", "", "position", "normalised_effect", "denoised")
args[seq_along(given)] <- given
rows <- read.csv(file.path(args[1], "results.csv"), na.strings = "")
rows <- subset(rows, condition == args[5] & metric == args[4] & !is.na(layer))
rows <- rows[!is.na(rows[[args[3]]]) & is.na(rows$head) == (args[3] == "position"), ]
if ("receiver" %in% names(rows)) rows <- rows[is.na(rows$receiver), ]  # no paths
limit <- max(abs(rows$value))
pdf(args[2])  # a page for each model and hook
par(mar = c(5, 7, 4, 2))  # room for the names of positions
for (own in split(rows, paste(rows$model, rows$hook, sep = ", "))) {
  title <- paste(own$model[1], own$hook[1], sep = ", ")
  names <- unique(own[[args[3]]])  # in the table's order, which is the prompt's
  grid <- tapply(own$value, list(own$layer, factor(own[[args[3]]], names)), mean)  # mean over tasks
  image(sort(unique(own$layer)), seq_along(names), grid, zlim = c(-limit, limit), col = hcl.colors(64, "Blue-Red 3"),
        xlab = "layer", ylab = "", yaxt = "n", main = title)
  axis(2, seq_along(names), names, las = 1, cex.axis = 0.8)
  place <- arrayInd(which.max(grid), dim(grid))
  cat(title, "greatest", format(max(grid), digits = 17), "at layer", rownames(grid)[place[1]], args[3], names[place[2]], "\n")
}
