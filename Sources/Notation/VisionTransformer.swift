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

  /// Stops unless there is a position for the class token and for each of n patches: both modules
  /// refuse other tables with this sentence.
  public func checkPositions(patches n: Int) {
    require(
      positions.shape[0] == n + 1,
      "the class token and \(n) patches need \(n + 1) positions: got \(positions.shape[0])")
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

/// The extents of an image, or of a map of positions: … × height × width × channels.
public func mapShape(
  _ shape: [Int]
) -> (leading: [Int], height: Int, width: Int, channels: Int) {
  let rank = shape.count
  require(rank >= 3, "an image must be … × height × width × channels: got \(described(shape))")
  return (Array(shape.dropLast(3)), shape[rank - 3], shape[rank - 2], shape[rank - 1])
}

/// Stops unless squares of p × p cover an image without a rest.
public func requireSquares(of p: Int, dividing image: (height: Int, width: Int)) {
  require(
    p >= 1 && image.height % p == 0 && image.width % p == 0,
    "squares of \(p) × \(p) must divide an image of \(image.height) × \(image.width)")
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
