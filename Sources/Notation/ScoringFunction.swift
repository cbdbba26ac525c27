/// How well a key answers a query: one number for each pair.
///
/// Weights are stored outputs × inputs, as `nn.Linear` stores them.
public enum ScoringFunction<S: Scalar>: Sendable {
  /// s = k·q, of one width.
  case dot
  /// s = k·q / √dk.
  case scaledDot
  /// s = kᵀ W q, with W: dk × dq. Luong's “general” (2015).
  case bilinear(Tensor<S>)
  /// s = vᵀ tanh(W k + U q). Bahdanau et al. 2014.
  case additive(AdditiveScore<S>)
  /// s = vᵀ tanh(W [q; k]), with W: da × (dq + dk) and v: da, the query first. Luong's “concat” (2015).
  case concat(weight: Tensor<S>, vector: Tensor<S>)

  /// The same function in another type.
  public func converted<T: Scalar>(to type: T.Type = T.self) -> ScoringFunction<T> {
    switch self {
    case .dot: .dot
    case .scaledDot: .scaledDot
    case .bilinear(let w): .bilinear(w.converted())
    case .additive(let score):
      .additive(
        AdditiveScore(
          key: score.key.converted(), query: score.query.converted(),
          vector: score.vector.converted()))
    case .concat(let w, let v): .concat(weight: w.converted(), vector: v.converted())
    }
  }
}

/// The parameters of s = vᵀ tanh(W k + U q).
public struct AdditiveScore<S: Scalar>: Sendable {
  /// W: da × dk.
  public var key: Tensor<S>
  /// U: da × dq.
  public var query: Tensor<S>
  /// v: da.
  public var vector: Tensor<S>

  /// Creates the parameters.
  public init(key: Tensor<S>, query: Tensor<S>, vector: Tensor<S>) {
    require(
      key.rank == 2 && query.rank == 2 && vector.rank == 1
        && key.shape[0] == vector.shape[0] && query.shape[0] == vector.shape[0],
      "an additive score takes da × dk, da × dq and da numbers: got \(described(key.shape)), "
        + "\(described(query.shape)) and \(described(vector.shape))")
    self.key = key
    self.query = query
    self.vector = vector
  }
}

/// Which one of its inputs a query gets from hard attention.
public enum HardChoice: Hashable, Sendable {
  /// The one with the largest score, and so the largest weight; the first among equals.
  case largest
  /// One drawn with its weight as probability: query i, counted through all leading dimensions, takes
  /// the first key j at which the sum of the weights 0 … j exceeds uᵢ, the number of word i of the
  /// seed (see `Dropout`). Xu et al. 2015.
  case sampled(seed: UInt64)
}
