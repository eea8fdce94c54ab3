"""Which rows of a run a picture shows, for the scripts beside this one: SCRIPT RUN PICTURE [COLUMN=VALUE…]"""
import sys

import pandas

NUMBERS = ["value", "ci_low", "ci_high", "mse_closed_form", "x", "y"]
NO_KEYS = NUMBERS + ["run_id", "probe", "n", "example"]


def stop(sentence):
    sys.exit(f"{sys.argv[0].split('/')[-1]}: {sentence}")


def options(rows, column):
    """What can be asked for of a column, in the words in which it is asked."""
    values = list(dict.fromkeys(rows[column]))
    return ", ".join(f"{column}={value}" for value in values[:12]) + (", …" if len(values) > 12 else "")


def chosen(table, needs, **defaults):
    """The rows that have a value in the columns `needs`, with the COLUMN=VALUE of the command line and then with those
    `defaults` that some row has; and what was chosen, as a title. All cells but NUMBERS are texts."""
    if len(sys.argv) < 3:
        stop("expected RUN PICTURE [COLUMN=VALUE…]")
    file = f"{sys.argv[1]}/{table}"
    try:
        rows = pandas.read_csv(file, dtype=str, keep_default_na=False)
    except FileNotFoundError:
        stop(f"there is no {file}")
    for column in needs:
        with_it = rows[rows[column] != ""]
        if with_it.empty:
            stop(f"no row of {file} has a {column}; its metrics are {options(rows, 'metric')}")
        rows = with_it
    given = dict(argument.partition("=")[::2] for argument in sys.argv[3:])
    for column, value in given.items():
        if column not in rows:
            stop(f"{file} has no column '{column}'; expected COLUMN=VALUE with one of {', '.join(rows.columns)}")
        fitting = rows[rows[column] == value]
        if fitting.empty:
            stop(f"no row of {file} that fits has {column}={value}; there are {options(rows, column)}")
        rows = fitting
    title = [f"{column}={value}" for column, value in given.items()]
    for column, value in defaults.items():
        if column in rows and column not in given and (rows[column] == value).any():
            rows = rows[rows[column] == value]
            title += [f"{column}={value}"] if value else []
    if "metric" in rows and rows.metric.nunique() > 1:
        stop(f"{file} has several metrics that fit; choose one of {options(rows, 'metric')}")
    rows = rows.copy()
    for column in set(NUMBERS) & set(rows):
        rows[column] = pandas.to_numeric(rows[column])
    return rows, ", ".join(title)


def parts(rows, first, across, most):
    """The rows apart by `first` and by every column in which rows differ that are equal in the columns `across`, at most so
    many: names and rows."""
    keys = [first]
    for column in rows.columns.difference(NO_KEYS + keys + across, sort=False):
        if (rows.groupby(keys + across)[column].nunique() > 1).any():
            keys.append(column)
    groups = [(dict(zip(keys, key)), own) for key, own in rows.groupby(keys, sort=False)]
    if len(groups) > most:
        several = "; ".join(options(rows, key) for key in keys if rows[key].nunique() > 1)
        stop(f"{len(groups)} sets of rows fit, and a picture holds {most}; choose with COLUMN=VALUE: {several}")
    return [(" ".join(name(*cell) for cell in key.items() if cell[1]), own) for key, own in groups]


def name(column, value):
    """A value as it stands in a legend: a bare number says of what."""
    return f"{column}={value}" if value.lstrip("-").replace(".", "").isdigit() else value
