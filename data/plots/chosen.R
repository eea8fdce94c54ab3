# Which rows of a run a picture shows, for the scripts beside this one: Rscript SCRIPT RUN PICTURE [COLUMN=VALUE…]
script <- basename(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
args <- commandArgs(trailingOnly = TRUE)

NUMBERS <- c("value", "ci_low", "ci_high", "mse_closed_form", "x", "y")
NO_KEYS <- c(NUMBERS, "run_id", "probe", "n", "example")

halt <- function(...) {
  message(script, ": ", ...)
  quit(status = 1)
}

# What can be asked for of a column, in the words in which it is asked.
options_of <- function(rows, column) {
  values <- unique(rows[[column]])
  paste0(paste0(column, "=", head(values, 12), collapse = ", "), if (length(values) > 12) ", …")
}

# The rows that have a value in the columns `needs`, with the COLUMN=VALUE of the command line and then with those `defaults`
# that some row has; and what was chosen, as a title. All cells but NUMBERS are texts.
chosen <- function(table, needs, defaults) {
  if (length(args) < 2) halt("expected RUN PICTURE [COLUMN=VALUE…]")
  file <- file.path(args[1], table)
  if (!file.exists(file)) halt("there is no ", file)
  rows <- read.csv(file, colClasses = "character", na.strings = NULL)
  for (column in needs) {
    with_it <- rows[rows[[column]] != "", ]
    if (nrow(with_it) == 0) halt("no row of ", file, " has a ", column, "; its metrics are ", options_of(rows, "metric"))
    rows <- with_it
  }
  asked <- args[-(1:2)]
  given <- as.list(sub("^[^=]*=?", "", asked))
  names(given) <- sub("=.*", "", asked)
  for (column in names(given)) {
    if (!column %in% names(rows))
      halt(file, " has no column '", column, "'; expected COLUMN=VALUE with one of ", paste(names(rows), collapse = ", "))
    fitting <- rows[rows[[column]] == given[[column]], ]
    if (nrow(fitting) == 0)
      halt("no row of ", file, " that fits has ", column, "=", given[[column]], "; there are ", options_of(rows, column))
    rows <- fitting
  }
  title <- asked
  for (column in setdiff(intersect(names(defaults), names(rows)), names(given))) {
    value <- defaults[[column]]
    if (any(rows[[column]] == value)) {
      rows <- rows[rows[[column]] == value, ]
      if (value != "") title <- c(title, paste0(column, "=", value))
    }
  }
  if (length(unique(rows$metric)) > 1) halt(file, " has several metrics that fit; choose one of ", options_of(rows, "metric"))
  for (column in intersect(NUMBERS, names(rows))) rows[[column]] <- as.numeric(rows[[column]])
  list(rows = rows, title = paste(title, collapse = ", "))
}

# The rows apart by `first` and by every column in which rows differ that are equal in the columns `across`, at most so many.
parts <- function(rows, first, across, most) {
  keys <- first
  joined <- function(columns) do.call(paste, c(rows[columns], sep = "\r"))
  for (column in setdiff(names(rows), c(NO_KEYS, keys, across)))
    if (length(unique(joined(c(keys, across, column)))) > length(unique(joined(c(keys, across))))) keys <- c(keys, column)
  key <- joined(keys)
  groups <- split(rows, factor(key, unique(key)))
  if (length(groups) > most) {
    several <- Filter(function(key) length(unique(rows[[key]])) > 1, keys)
    halt(length(groups), " sets of rows fit, and a picture holds ", most, "; choose with COLUMN=VALUE: ",
         paste(sapply(several, options_of, rows = rows), collapse = "; "))
  }
  label <- function(own) {
    cells <- unlist(own[1, keys, drop = FALSE])
    paste(mapply(name, keys[cells != ""], cells[cells != ""]), collapse = " ")
  }
  setNames(groups, sapply(groups, label))
}

# A value as it stands in a legend: a bare number says of what.
name <- function(column, value) ifelse(grepl("^-?[0-9.]+$", value), paste0(column, "=", value), value)

# A picture of so many inches, in the format that its name ends with.
open_picture <- function(width, height = 7) {
  if (grepl("\\.pdf$", args[2])) pdf(args[2], width, height)
  else if (grepl("\\.png$", args[2])) png(args[2], width, height, units = "in", res = 110)
  else halt(args[2], " ends in neither .pdf nor .png")
}

digits <- function(number) format(number, digits = 17)
