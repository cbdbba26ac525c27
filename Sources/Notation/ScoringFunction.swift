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

/// The extents of scores, checked: both modules refuse wrong shapes with these sentences.
public struct ScoreShape: Hashable, Sendable {
  /// The dimensions before the last two, the same for queries and keys.
  public let leading: [Int]
  /// The number of queries.
  public let n: Int
  /// The number of keys.
  public let m: Int
  /// The width of queries.
  public let dq: Int
  /// The width of keys.
  public let dk: Int

  /// The number of matrices of scores that the leading dimensions hold.
  public var groups: Int { leading.reduce(1, *) }
  /// The shape of the scores: … × n × m.
  public var scores: [Int] { leading + [n, m] }

  /// Reads the extents off the operands, and stops unless they fit each other and the function.
  public init<S: Scalar>(
    queries q: Tensor<S>, keys k: Tensor<S>, by function: ScoringFunction<S>
  ) {
    self.init(queries: q.shape, keys: k.shape, by: function)
  }

  /// Reads the extents off shapes, and stops unless they fit each other and the function.
  public init<S: Scalar>(queries q: [Int], keys k: [Int], by function: ScoringFunction<S>) {
    require(q.count >= 2, "queries must be … × n × dq: got \(described(q))")
    require(
      k.count == q.count && k.dropLast(2) == q.dropLast(2),
      "keys must have the leading dimensions of queries, \(described(q)): got \(described(k))")
    leading = Array(q.dropLast(2))
    (n, dq) = (q[q.count - 2], q[q.count - 1])
    (m, dk) = (k[k.count - 2], k[k.count - 1])
    switch function {
    case .dot, .scaledDot:
      require(
        dk == dq,
        "a dot product needs keys as wide as queries, \(described(q)): "
          + "got \(described(k))")
    case .bilinear(let w):
      require(
        w.shape == [dk, dq],
        "a bilinear score of \(dq) and \(dk) numbers takes a weight \(dk) × \(dq): "
          + "got \(described(w.shape))")
    case .additive(let score):
      require(
        score.query.shape[1] == dq && score.key.shape[1] == dk,
        "an additive score of \(dq) and \(dk) numbers takes da × \(dk) and da × \(dq) numbers: got "
          + "\(described(score.key.shape)) and \(described(score.query.shape))")
    case .concat(let w, let v):
      require(
        v.rank == 1 && w.shape == [v.count, dq + dk],
        "a score of \(dq) and \(dk) numbers together takes da × \(dq + dk) and da numbers: got "
          + "\(described(w.shape)) and \(described(v.shape))")
    }
  }
}

/// Stops unless scores, … × n × m, have an input to choose.
public func checkChoices(_ scores: [Int]) {
  require(
    !scores.isEmpty && scores.last! > 0,
    "hard attention needs an input to choose: got scores of \(described(scores))")
}
