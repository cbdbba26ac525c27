/// The parameters of y = x Wᵀ + b, stored as PyTorch's `nn.Linear` stores them.
public struct AffineMap<S: Scalar>: Sendable {
  /// W: outputs × inputs.
  public var weight: Tensor<S> { didSet { packed = nil } }
  /// b: outputs; `nil` adds nothing.
  public var bias: Tensor<S>?
  /// W once more, for the kernels; `nil` unless they were asked for it.
  package var packed: PackedWeight?

  /// Creates the map from a weight stored outputs × inputs.
  public init(weight: Tensor<S>, bias: Tensor<S>? = nil) {
    require(
      weight.rank == 2, "a weight must be outputs × inputs: got \(described(weight.shape))")
    require(
      bias == nil || bias!.shape == [weight.shape[0]],
      "a bias must have \(weight.shape[0]) elements, one for each output: "
        + "got \(described(bias?.shape ?? []))")
    self.weight = weight
    self.bias = bias
  }

  /// Creates the map from the papers' form y = x W + b, the weight stored inputs × outputs.
  public init(inputsByOutputs weight: Tensor<S>, bias: Tensor<S>? = nil) {
    require(
      weight.rank == 2, "a weight must be inputs × outputs: got \(described(weight.shape))")
    self.init(weight: weight.transposed, bias: bias)
  }

  /// The width of x.
  public var inputs: Int { weight.shape[1] }
  /// The width of y.
  public var outputs: Int { weight.shape[0] }

  /// The same map in another type.
  public func converted<T: Scalar>(to type: T.Type = T.self) -> AffineMap<T> {
    AffineMap<T>(weight: weight.converted(), bias: bias?.converted())
  }
}

/// The numbers of a weight in the order in which the kernels read them.
///
/// A panel holds some outputs side by side, input after input; the panels of several maps may share one
/// array.
package struct PackedWeight: Sendable {
  /// The numbers.
  package let storage: [Float]
  /// Where the first panel begins.
  package let start: Int
  /// How far it is from one panel to the next.
  package let panelStride: Int

  /// Creates the description of panels that stand in an array.
  package init(storage: [Float], start: Int, panelStride: Int) {
    self.storage = storage
    self.start = start
    self.panelStride = panelStride
  }
}

/// The maps that turn inputs into queries, keys and values.
public struct AttentionProjections<S: Scalar>: Sendable {
  /// W^Q, from the width of the queries' input to dk.
  public var query: AffineMap<S>
  /// W^K, from the width of the keys' input to dk.
  public var key: AffineMap<S>
  /// W^V, from the width of the values' input to dv.
  public var value: AffineMap<S>

  /// Creates the three maps.
  public init(query: AffineMap<S>, key: AffineMap<S>, value: AffineMap<S>) {
    self.query = query
    self.key = key
    self.value = value
  }

  /// The same maps in another type.
  public func converted<T: Scalar>(to type: T.Type = T.self) -> AttentionProjections<T> {
    AttentionProjections<T>(
      query: query.converted(), key: key.converted(), value: value.converted())
  }
}
