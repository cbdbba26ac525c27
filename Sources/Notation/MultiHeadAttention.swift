/// The parameters of multi-head attention: the maps of all heads side by side, as PyTorch has them.
///
/// Head i owns the rows i·dk ..< (i + 1)·dk of the query and key weights, i·dv ..< (i + 1)·dv of the
/// value weight, and these columns of the output weight.
public struct MultiHeadAttention<S: Scalar>: Sendable {
  /// W^Q of all heads: h·dk × the width of what asks.
  public var query: AffineMap<S>
  /// W^K of all heads: h·dk × the width of what is asked.
  public var key: AffineMap<S>
  /// W^V of all heads: h·dv × the width of what is asked.
  public var value: AffineMap<S>
  /// W^O: any width × h·dv.
  public var output: AffineMap<S>
  /// h, how many heads there are.
  public let heads: Int

  /// Creates the parameters from the maps of all heads together.
  public init(
    query: AffineMap<S>, key: AffineMap<S>, value: AffineMap<S>, output: AffineMap<S>, heads: Int
  ) {
    require(heads >= 1, "attention needs a head: got \(heads)")
    require(
      query.outputs == key.outputs,
      "queries and keys must have one width: got \(query.outputs) and \(key.outputs)")
    for (name, width) in [("queries", query.outputs), ("values", value.outputs)] {
      require(
        width % heads == 0,
        "the width of \(name) must be a multiple of the heads: got \(width) and \(heads) heads")
    }
    require(
      output.inputs == value.outputs,
      "the output map must take \(value.outputs) numbers, all heads' values: "
        + "got \(described(output.weight.shape))")
    self.query = query
    self.key = key
    self.value = value
    self.output = output
    self.heads = heads
  }

  /// Creates the parameters from one set of maps for each head, as the papers write them.
  public init(heads: [AttentionProjections<S>], output: AffineMap<S>) {
    require(!heads.isEmpty, "attention needs a head: got 0")
    self.init(
      query: stacked(heads.map(\.query)), key: stacked(heads.map(\.key)),
      value: stacked(heads.map(\.value)), output: output, heads: heads.count)
  }

  /// The maps of one head: W_i^Q, W_i^K and W_i^V.
  public func projections(ofHead i: Int) -> AttentionProjections<S> {
    AttentionProjections(
      query: part(i, of: query), key: part(i, of: key), value: part(i, of: value))
  }

  private func part(_ i: Int, of map: AffineMap<S>) -> AffineMap<S> {
    let width = map.outputs / heads
    return AffineMap(
      weight: map.weight.reshaped([heads, width, map.inputs]).slice(i),
      bias: map.bias?.reshaped([heads, width]).slice(i))
  }

  /// The same parameters in another type.
  public func converted<T: Scalar>(to type: T.Type = T.self) -> MultiHeadAttention<T> {
    MultiHeadAttention<T>(
      query: query.converted(), key: key.converted(), value: value.converted(),
      output: output.converted(), heads: heads)
  }
}

/// Several maps of one input as one map, outputs side by side; a bias only some have counts as 0.
private func stacked<S: Scalar>(_ maps: [AffineMap<S>]) -> AffineMap<S> {
  let inputs = maps[0].inputs
  require(
    maps.allSatisfy { $0.inputs == inputs && $0.outputs == maps[0].outputs },
    "the maps of all heads must have one shape: got \(maps.map { described($0.weight.shape) })")
  let bias = maps.flatMap { $0.bias?.storage ?? Array(repeating: 0, count: $0.outputs) }
  return AffineMap(
    weight: Tensor(shape: [bias.count, inputs], storage: maps.flatMap(\.weight.storage)),
    bias: maps.contains { $0.bias != nil } ? Tensor(shape: [bias.count], storage: bias) : nil)
}

/// The parameters of document 000's `SelfAttention`: one map of a head's width that all heads share.
public struct SharedHeadAttention<S: Scalar>: Sendable {
  /// W^Q of every head: dk × dk.
  public var query: Tensor<S>
  /// W^K of every head: dk × dk.
  public var key: Tensor<S>
  /// W^V of every head: dk × dk.
  public var value: Tensor<S>
  /// The map after all heads are joined: dModel × dModel.
  public var output: AffineMap<S>
  /// h, how many heads there are.
  public let heads: Int

  /// Creates the parameters.
  public init(
    query: Tensor<S>, key: Tensor<S>, value: Tensor<S>, output: AffineMap<S>, heads: Int
  ) {
    require(heads >= 1, "attention needs a head: got \(heads)")
    for (name, weight) in [("query", query), ("key", key), ("value", value)] {
      require(
        weight.rank == 2 && weight.shape[0] == weight.shape[1]
          && weight.shape[0] * heads == output.inputs,
        "the shared \(name) map must be dk × dk with \(heads) · dk = \(output.inputs): "
          + "got \(described(weight.shape))")
    }
    self.query = query
    self.key = key
    self.value = value
    self.output = output
    self.heads = heads
  }

  /// The same parameters in another type.
  public func converted<T: Scalar>(to type: T.Type = T.self) -> SharedHeadAttention<T> {
    SharedHeadAttention<T>(
      query: query.converted(), key: key.converted(), value: value.converted(),
      output: output.converted(), heads: heads)
  }

  /// The same attention with maps of its own for every head: blocks on a diagonal, all alike.
  public var expanded: MultiHeadAttention<S> {
    func blockDiagonal(_ block: Tensor<S>) -> AffineMap<S> {
      let (dk, width) = (block.shape[0], output.inputs)
      var weight = Tensor<S>(shape: [width, width], repeating: 0)
      for i in 0..<width {
        for j in 0..<width where i / dk == j / dk { weight[i, j] = block[i % dk, j % dk] }
      }
      return AffineMap(weight: weight)
    }
    return MultiHeadAttention(
      query: blockDiagonal(query), key: blockDiagonal(key), value: blockDiagonal(value),
      output: output, heads: heads)
  }
}

/// Everything that multi-head attention computes on the way.
public struct MultiHeadAttentionSteps<S: Scalar>: Sendable {
  /// The queries of every head: … × h × n × dk.
  public var queryHeads: Tensor<S>
  /// The keys of every head: … × h × m × dk.
  public var keyHeads: Tensor<S>
  /// The values of every head: … × h × m × dv.
  public var valueHeads: Tensor<S>
  /// The attention of every head; its output is head_i: … × h × n × dv.
  public var attention: AttentionSteps<S>
  /// The heads side by side: … × n × h·dv.
  public var concatenated: Tensor<S>
  /// The result: … × n × the output map's width.
  public var output: Tensor<S>

  /// Creates the record of one multi-head attention.
  public init(
    queryHeads: Tensor<S>, keyHeads: Tensor<S>, valueHeads: Tensor<S>,
    attention: AttentionSteps<S>, concatenated: Tensor<S>, output: Tensor<S>
  ) {
    self.queryHeads = queryHeads
    self.keyHeads = keyHeads
    self.valueHeads = valueHeads
    self.attention = attention
    self.concatenated = concatenated
    self.output = output
  }
}
