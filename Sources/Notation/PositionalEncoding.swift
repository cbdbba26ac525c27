/// What is added to a token's vector to tell where it stands.
public enum PositionalEncoding<S: Scalar>: Sendable {
  /// Sines and cosines of the position; with `maximumLength`, only that many positions, as the
  /// documents' tables have them.
  case sinusoidal(SinusoidForm = .power, maximumLength: Int? = nil)
  /// A trained table, length × width.
  case learned(Tensor<S>)

  /// Stops unless there are the positions offset ..< offset + length in this width: both modules refuse
  /// others with these sentences.
  public func check(length: Int, width d: Int, offset: Int) {
    require(
      length >= 0 && d >= 0 && offset >= 0,
      "positions are counted from 0: got length \(length), width \(d) and offset \(offset)")
    let rows: Int?
    switch self {
    case .sinusoidal(_, let maximumLength): rows = maximumLength
    case .learned(let table):
      require(
        table.rank == 2 && table.shape[1] == d,
        "a positional table must be positions × \(d): got \(described(table.shape))")
      rows = table.shape[0]
    }
    require(
      rows == nil || offset + length <= rows!,
      "a positional table of \(rows ?? 0) rows is shorter than the \(offset + length) positions "
        + "asked for")
  }

  /// The same encoding in another type.
  public func converted<T: Scalar>(to type: T.Type = T.self) -> PositionalEncoding<T> {
    switch self {
    case .sinusoidal(let form, let length): .sinusoidal(form, maximumLength: length)
    case .learned(let table): .learned(table.converted())
    }
  }
}

/// Stops unless the shape is that of sequences, to which positions can be added: … × t × d.
public func checkSequence(_ shape: [Int]) {
  require(shape.count >= 2, "a sequence must be … × t × d: got \(described(shape))")
}

/// How the angle of position p and pair i is computed: the same number, rounded differently.
public enum SinusoidForm: Hashable, Sendable, CaseIterable {
  /// p / 10000^(2i/d): documents 002 and 003.
  case power
  /// p · exp(2i · (−ln 10000 / d)): documents 000 and 004.
  case exponential
}

/// What a token's vector is multiplied by before its position is added.
public enum EmbeddingScale: Hashable, Sendable, CaseIterable {
  /// Nothing: all five documents.
  case none
  /// √dModel: Vaswani et al. 2017, section 3.4.
  case rootModelWidth
}

/// The width of the vectors in a table, which must have a row for each of the tokens: both modules
/// refuse others with these sentences.
public func embeddingWidth<S: Scalar>(_ tokens: Tensor<Int>, table: Tensor<S>) -> Int {
  require(table.rank == 2, "a table must be v × d: got \(described(table.shape))")
  let (v, d) = (table.shape[0], table.shape[1])
  for (position, token) in zip(0..., tokens.storage) {
    require(
      token >= 0 && token < v,
      "token \(token), number \(position) in order, is outside of the vocabulary 0 ..< \(v)")
  }
  return d
}
