// The namespace of what is computed from observed numbers: moments, intervals, tests, correlations.
//
// Everything here is f64 in a fixed order of operations and without libm, so that the same numbers in
// give the same bits out on every machine. What is undefined is `nil` and becomes an empty cell; it is
// never 0 and never NaN. Nothing here knows of models, tasks or files.

/// Statistics over observed values.
public enum Statistics {}
