// How much of what comes from outside is taken, all in one place. Each bound lies well above what is known to exist and
// well below what would cost a machine its memory or a thread its stack; one step beyond is refused in a sentence that
// says the limit. Tests stand at each of them.

/// The bounds on files and texts from outside.
public enum InputLimits {
  // JSON: configurations, tokenizers, tasks, plans, the headers of safetensors.
  /// In bytes.
  public static let jsonFile = 1 << 30
  /// How deep arrays and objects may lie in one another.
  public static let jsonDepth = 128
  /// Values of one document, at all depths.
  public static let jsonValues = 1 << 24

  // YAML: probe files, training specs, plans.
  /// In bytes.
  public static let yamlFile = 1 << 20
  /// Brackets and indentations in one another.
  public static let yamlDepth = 64
  /// Values after every alias is written out.
  public static let yamlValues = 100_000

  // Files of tensors.
  /// A safetensors header in bytes; the limit of the reference implementation.
  public static let safetensorsHeader = 100_000_000
  /// A header of .npy in bytes.
  public static let npyHeader = 65_535
  /// Tensors of one file: of a safetensors header, or entries of an .npz.
  public static let tensors = 1 << 18

  // Models.
  /// Blocks of a model.
  public static let layers = 10_000
  /// Every width: of the stream, of the MLP, of all heads together.
  public static let width = 1 << 22
  /// Pieces of a vocabulary: ids are below it.
  public static let vocabulary = 1 << 22
  /// Numbers of a model.
  public static let parameters = 1 << 42

  // Prompts and tasks.
  /// Tokens of one sequence, its prefix included, where the model itself sets no lower bound.
  public static let promptTokens = 1 << 20
  /// A file of prompts, tasks or labelled texts in bytes.
  public static let textFile = 1 << 28
}
