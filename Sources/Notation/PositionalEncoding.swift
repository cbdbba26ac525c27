/// What is added to a token's vector to tell where it stands.
public enum PositionalEncoding<S: Scalar>: Sendable {
  /// Sines and cosines of the position; with `maximumLength`, only that many positions, as the
  /// documents' tables have them.
  case sinusoidal(SinusoidForm = .power, maximumLength: Int? = nil)
  /// A trained table, length × width.
  case learned(Tensor<S>)

  /// The same encoding in another type.
  public func converted<T: Scalar>(to type: T.Type = T.self) -> PositionalEncoding<T> {
    switch self {
    case .sinusoidal(let form, let length): .sinusoidal(form, maximumLength: length)
    case .learned(let table): .learned(table.converted())
    }
  }
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
