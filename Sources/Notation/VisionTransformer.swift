/// The parameters of a Vision Transformer, from an image to logits.
public struct VisionTransformer<S: Scalar>: Sendable {
  /// P, how many pixels a patch is high and wide.
  public var patchSize: Int
  /// In which order the weight of `patch` takes the numbers of a patch.
  public var patchOrder: PatchOrder
  /// E and its bias: dModel × P²C.
  public var patch: AffineMap<S>
  /// The vector of the position that speaks for the whole image: dModel.
  public var classToken: Tensor<S>
  /// E_pos, a row for the class token, then one for each patch: (N + 1) × dModel.
  public var positions: Tensor<S>
  /// The layers, first to last.
  public var layers: [EncoderLayer<S>]
  /// The normalisation of the class token's vector.
  public var norm: LayerNorm<S>
  /// From the class token's vector to logits: classes × dModel.
  public var head: AffineMap<S>

  /// Creates the parameters.
  public init(
    patchSize: Int, patchOrder: PatchOrder = .rowColumnChannel, patch: AffineMap<S>,
    classToken: Tensor<S>, positions: Tensor<S>, layers: [EncoderLayer<S>], norm: LayerNorm<S>,
    head: AffineMap<S>
  ) {
    let d = patch.outputs
    require(
      classToken.shape == [d],
      "a class token must have \(d) elements, as a patch's vector: "
        + "got \(described(classToken.shape))")
    require(
      positions.rank == 2 && positions.shape[1] == d,
      "positions must have rows of \(d) elements, as a patch's vector: "
        + "got \(described(positions.shape))")
    self.patchSize = patchSize
    self.patchOrder = patchOrder
    self.patch = patch
    self.classToken = classToken
    self.positions = positions
    self.layers = layers
    self.norm = norm
    self.head = head
  }

  /// The same parameters in another type.
  public func converted<T: Scalar>(to type: T.Type = T.self) -> VisionTransformer<T> {
    VisionTransformer<T>(
      patchSize: patchSize, patchOrder: patchOrder, patch: patch.converted(),
      classToken: classToken.converted(), positions: positions.converted(),
      layers: layers.map { $0.converted() }, norm: norm.converted(), head: head.converted())
  }
}

/// In which order the numbers of a patch stand in its row, the last index fastest.
public enum PatchOrder: Hashable, Sendable, CaseIterable {
  /// Row, column, channel: Dosovitskiy et al. 2020, and images stored with channels last.
  case rowColumnChannel
  /// Channel, row, column: the weight of PyTorch's `nn.Conv2d`, flattened.
  case channelRowColumn
}

/// What a Vision Transformer computes on the way.
public struct VisionTransformerSteps<S: Scalar>: Sendable {
  /// The patches: … × N × P²C.
  public var patches: Tensor<S>
  /// z₀, class token and patches with their positions: … × (N + 1) × dModel.
  public var embedded: Tensor<S>
  /// z₁ to z_L, what leaves every layer: … × (N + 1) × dModel each.
  public var layers: [Tensor<S>]
  /// y, the class token's vector, normalised: … × dModel.
  public var classVector: Tensor<S>
  /// A score for every class: … × classes.
  public var logits: Tensor<S>

  /// Creates the record of one pass.
  public init(
    patches: Tensor<S>, embedded: Tensor<S>, layers: [Tensor<S>], classVector: Tensor<S>,
    logits: Tensor<S>
  ) {
    self.patches = patches
    self.embedded = embedded
    self.layers = layers
    self.classVector = classVector
    self.logits = logits
  }
}
