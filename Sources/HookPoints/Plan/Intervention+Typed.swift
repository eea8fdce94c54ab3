// The phrases of code: `.replace(.residPost(12), with: theta, at: .last)`. Site and value must have the same
// layout, which is what makes adding a model-width vector to a pattern a compile error.

extension Intervention {
  /// Puts a value in place of the activation at each selected position.
  public static func replace<Layout>(
    _ site: Site<Layout>, with value: ActivationVector<Layout>, at positions: PositionSelector,
    in sequences: SequenceSelector = .all, heads: HeadSelector = .all
  ) -> Intervention {
    Intervention(
      hook: .name(site.name), sequences: sequences, positions: positions, heads: heads,
      action: .replace(HookValues(value.values)))
  }

  /// Puts one value for each selected position: sequences as named, positions ascending within each.
  public static func replace<Layout>(
    _ site: Site<Layout>, with rows: ActivationRows<Layout>, at positions: PositionSelector,
    in sequences: SequenceSelector = .all, heads: HeadSelector = .all
  ) -> Intervention {
    Intervention(
      hook: .name(site.name), sequences: sequences, positions: positions, heads: heads,
      action: .replace(HookValues(rows: rows.rows)))
  }

  /// Adds `scale` times a value at each selected position.
  public static func add<Layout>(
    _ value: ActivationVector<Layout>, scaled scale: Double = 1, to site: Site<Layout>,
    at positions: PositionSelector, in sequences: SequenceSelector = .all,
    heads: HeadSelector = .all
  ) -> Intervention {
    Intervention(
      hook: .name(site.name), sequences: sequences, positions: positions, heads: heads,
      action: .add(HookValues(value.values), scaled: scale))
  }

  /// Adds `scale` times one value for each selected position: sequences as named, positions ascending
  /// within each.
  public static func add<Layout>(
    _ rows: ActivationRows<Layout>, scaled scale: Double = 1, to site: Site<Layout>,
    at positions: PositionSelector, in sequences: SequenceSelector = .all,
    heads: HeadSelector = .all
  ) -> Intervention {
    Intervention(
      hook: .name(site.name), sequences: sequences, positions: positions, heads: heads,
      action: .add(HookValues(rows: rows.rows), scaled: scale))
  }

  /// Multiplies by a number.
  public static func scale<Layout>(
    _ site: Site<Layout>, by factor: Double, at positions: PositionSelector,
    in sequences: SequenceSelector = .all, heads: HeadSelector = .all
  ) -> Intervention {
    Intervention(
      hook: .name(site.name), sequences: sequences, positions: positions, heads: heads,
      action: .scale(factor))
  }

  /// Puts zeros.
  public static func zero<Layout>(
    _ site: Site<Layout>, at positions: PositionSelector, in sequences: SequenceSelector = .all,
    heads: HeadSelector = .all
  ) -> Intervention {
    Intervention(
      hook: .name(site.name), sequences: sequences, positions: positions, heads: heads,
      action: .zero)
  }

  /// Puts the mean of other rows of the same batch at the same hook.
  public static func mean<Layout>(
    _ site: Site<Layout>, of source: RowSelector, at positions: PositionSelector,
    in sequences: SequenceSelector = .all, heads: HeadSelector = .all
  ) -> Intervention {
    Intervention(
      hook: .name(site.name), sequences: sequences, positions: positions, heads: heads,
      action: .mean(of: source))
  }

  /// Calls a closure on each selected row; the label stands for it in outputs.
  public static func custom<Layout>(
    _ site: Site<Layout>, label: String, at positions: PositionSelector,
    in sequences: SequenceSelector = .all, heads: HeadSelector = .all,
    body: @escaping @Sendable (inout [Float]) -> Void
  ) -> Intervention {
    Intervention(
      hook: .name(site.name), sequences: sequences, positions: positions, heads: heads,
      action: .custom(CustomEdit(label: label, body: body)))
  }
}
