/// The extents of one attention, checked: both modules refuse wrong shapes with these sentences.
public struct AttentionShape: Hashable, Sendable {
  /// The dimensions before the last two, the same for queries, keys and values: batch, heads, or none.
  public let leading: [Int]
  /// The number of queries.
  public let n: Int
  /// The number of keys and values.
  public let m: Int
  /// The width of queries and keys.
  public let dk: Int
  /// The width of values.
  public let dv: Int

  /// The number of attentions that the leading dimensions hold.
  public var groups: Int { leading.reduce(1, *) }
  /// The shape of scores, masked scores and weights: … × n × m.
  public var scores: [Int] { leading + [n, m] }
  /// The shape of the output: … × n × dv.
  public var output: [Int] { leading + [n, dv] }

  /// Reads the extents off the operands, and stops unless they fit each other.
  public init<S: Scalar>(
    queries q: Tensor<S>, keys k: Tensor<S>, values v: Tensor<S>, mask: AttentionMask<S>
  ) {
    self.init(queries: q.shape, keys: k.shape, values: v.shape, mask: mask)
  }

  /// Reads the extents off shapes, and stops unless they fit each other.
  public init<S: Scalar>(queries q: [Int], keys k: [Int], values v: [Int], mask: AttentionMask<S>) {
    require(q.count >= 2, "queries must be … × n × dk: got \(described(q))")
    leading = Array(q.dropLast(2))
    (n, dk) = (q[q.count - 2], q[q.count - 1])
    require(
      k.count == q.count && k.dropLast(2) == leading[...] && k[k.count - 1] == dk,
      "keys must be \(described(leading + ["m"], dk)): got \(described(k)), "
        + "queries are \(described(q))")
    m = k[k.count - 2]
    require(
      v.count == q.count && v.dropLast(2) == leading[...] && v[v.count - 2] == m,
      "values must be \(described(leading + [m], "dv")): got \(described(v)), "
        + "keys are \(described(k))")
    dv = v[v.count - 1]
    for (name, shape) in [("keep", mask.keep?.shape), ("bias", mask.bias?.shape)] {
      guard let shape else { continue }
      require(
        shape.count == scores.count && zip(shape, scores).allSatisfy { $0 == $1 || $0 == 1 },
        "a mask's \(name) must be \(described(scores)) with any extent 1 instead: "
          + "got \(described(shape))")
    }
  }
}

/// The extents as a sentence shows them: `2 × 3 × 4`.
public func described(_ shape: [Int]) -> String {
  shape.isEmpty ? "a single element" : shape.map(String.init).joined(separator: " × ")
}

/// The extents as a sentence shows them, names among the numbers.
private func described(_ parts: [any CustomStringConvertible], _ last: any CustomStringConvertible)
  -> String
{
  (parts + [last]).map(\.description).joined(separator: " × ")
}
