# Layer × position, or layer × head with across=head: Rscript heat_map.R RUN PICTURE [across=head] [COLUMN=VALUE…]
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))), "chosen.R"))

across <- if ("across=head" %in% args) "head" else "position"
args <- setdiff(args, c("across=head", "across=position"))
fit <- chosen("results.csv", c("value", "layer", across),
              c(metric = "normalised_effect", condition = "denoised", task = "mean", split = "test", receiver = "",
                if (across == "position") c(head = "")))
rows <- fit$rows
panels <- parts(rows, "model", c("layer", across), most = 8)
limit <- max(abs(rows$value))
open_picture(width = 5 * length(panels), height = 5)
par(mfrow = c(1, length(panels)), mar = c(5, 7, 4, 2))  # room for the names of positions
for (label in names(panels)) {
  own <- panels[[label]]
  names <- unique(own[[across]])  # in the table's order, which is the prompt's
  layers <- sort(unique(as.integer(own$layer)))
  grid <- matrix(NA, length(layers), length(names))
  grid[cbind(match(own$layer, layers), match(own[[across]], names))] <- own$value
  image(layers, seq_along(names), grid, zlim = c(-limit, limit), col = hcl.colors(64, "Blue-Red 3"),
        xlab = "layer", ylab = "", yaxt = "n", main = paste(label, fit$title, sep = "\n"), cex.main = 0.8)
  axis(2, seq_along(names), names, las = 1, cex.axis = 0.8)
  place <- arrayInd(which.max(grid), dim(grid))
  cat(label, "greatest", digits(max(grid, na.rm = TRUE)), "at layer", layers[place[1]], name(across, names[place[2]]), "\n")
}
