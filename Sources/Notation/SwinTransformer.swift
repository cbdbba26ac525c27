/// The parameters of attention inside windows of M × M positions.
public struct WindowAttention<S: Scalar>: Sendable {
  /// The maps of all heads.
  public var attention: MultiHeadAttention<S>
  /// What each head adds to a score, for each way in which two positions of a window may lie to each
  /// other: (2M − 1)² × h, see `relativePositionIndex`.
  public var biasTable: Tensor<S>
  /// M, how many positions a window is high and wide.
  public let windowSize: Int

  /// Creates the parameters.
  public init(attention: MultiHeadAttention<S>, biasTable: Tensor<S>, windowSize m: Int) {
    require(m >= 1, "a window needs a position: got \(m) × \(m)")
    let offsets = (2 * m - 1) * (2 * m - 1)
    require(
      biasTable.shape == [offsets, attention.heads],
      "a bias table of windows of \(m) × \(m) must be \(offsets) × \(attention.heads), a row for each "
        + "offset: got \(described(biasTable.shape))")
    self.attention = attention
    self.biasTable = biasTable
    windowSize = m
  }

  /// Reads off … × N × M² × C how many windows there are and of how many positions, and stops unless
  /// windows and mask fit: both modules refuse others with these sentences.
  public func checkWindows(
    _ x: Tensor<S>, mask: Tensor<Bool>?
  ) -> (count: Int, positions: Int) {
    let size = windowSize * windowSize
    require(
      x.rank >= 3 && x.shape[x.rank - 2] == size,
      "windows of \(windowSize) × \(windowSize) must be … × N × \(size) × C: "
        + "got \(described(x.shape))")
    let n = x.shape[x.rank - 3]
    require(
      mask == nil || mask!.shape == [n, size, size],
      "a mask of windows must be \(n) × \(size) × \(size): got \(described(mask?.shape ?? []))")
    return (n, size)
  }

  /// The same parameters in another type.
  public func converted<T: Scalar>(to type: T.Type = T.self) -> WindowAttention<T> {
    WindowAttention<T>(
      attention: attention.converted(), biasTable: biasTable.converted(), windowSize: windowSize)
  }
}

/// The parameters of one block of a Swin Transformer.
public struct SwinBlock<S: Scalar>: Sendable {
  /// The attention inside windows.
  public var attention: WindowAttention<S>
  /// The normalisation before the attention.
  public var attentionNorm: LayerNorm<S>
  /// The feed-forward network.
  public var feedForward: FeedForward<S>
  /// The normalisation before the feed-forward network.
  public var feedForwardNorm: LayerNorm<S>
  /// How many positions the windows are shifted down and to the right: 0 or ⌊M/2⌋ in the paper.
  public var shift: Int

  /// Creates the parameters.
  public init(
    attention: WindowAttention<S>, attentionNorm: LayerNorm<S>, feedForward: FeedForward<S>,
    feedForwardNorm: LayerNorm<S>, shift: Int
  ) {
    requireShift(shift, of: attention.windowSize)
    self.attention = attention
    self.attentionNorm = attentionNorm
    self.feedForward = feedForward
    self.feedForwardNorm = feedForwardNorm
    self.shift = shift
  }

  /// The same parameters in another type.
  public func converted<T: Scalar>(to type: T.Type = T.self) -> SwinBlock<T> {
    SwinBlock<T>(
      attention: attention.converted(), attentionNorm: attentionNorm.converted(),
      feedForward: feedForward.converted(), feedForwardNorm: feedForwardNorm.converted(),
      shift: shift)
  }
}

/// Stops unless windows of m × m can be shifted by s.
public func requireShift(_ s: Int, of m: Int) {
  require(
    s >= 0 && s < m, "windows of \(m) × \(m) can be shifted by 0 ..< \(m): got \(s)")
}

/// Stops unless … × N × M² × C are the windows of a map.
public func requireWindows<S: Scalar>(
  _ y: Tensor<S>, of m: Int, making map: (height: Int, width: Int)
) {
  let (height, width) = map
  require(
    y.rank >= 3 && m >= 1 && height % m == 0 && width % m == 0
      && y.shape[y.rank - 3] == height / m * (width / m) && y.shape[y.rank - 2] == m * m,
    "windows of \(m) × \(m) that make a map of \(height) × \(width) are needed: "
      + "got \(described(y.shape))")
}

/// The parameters of patch merging: four neighbours become one position of twice the width.
public struct PatchMerging<S: Scalar>: Sendable {
  /// The normalisation of the four vectors side by side: 4C.
  public var norm: LayerNorm<S>
  /// From four vectors to one: 2C × 4C, without a bias in the paper.
  public var reduction: AffineMap<S>

  /// Creates the parameters.
  public init(norm: LayerNorm<S>, reduction: AffineMap<S>) {
    require(
      reduction.inputs == norm.width,
      "the reduction must take the \(norm.width) numbers that are normalised: "
        + "got \(described(reduction.weight.shape))")
    self.norm = norm
    self.reduction = reduction
  }

  /// The same parameters in another type.
  public func converted<T: Scalar>(to type: T.Type = T.self) -> PatchMerging<T> {
    PatchMerging<T>(norm: norm.converted(), reduction: reduction.converted())
  }
}

/// The parameters of one stage of a Swin Transformer: blocks on maps of one size.
public struct SwinStage<S: Scalar>: Sendable {
  /// What stands before the blocks; `nil` in the first stage.
  public var merging: PatchMerging<S>?
  /// The blocks, first to last: in the paper in pairs, the second of each pair shifted.
  public var blocks: [SwinBlock<S>]

  /// Creates the parameters.
  public init(merging: PatchMerging<S>? = nil, blocks: [SwinBlock<S>]) {
    self.merging = merging
    self.blocks = blocks
  }

  /// The same parameters in another type.
  public func converted<T: Scalar>(to type: T.Type = T.self) -> SwinStage<T> {
    SwinStage<T>(merging: merging?.converted(), blocks: blocks.map { $0.converted() })
  }
}

/// The parameters of a Swin Transformer, from an image to logits.
public struct SwinTransformer<S: Scalar>: Sendable {
  /// P, how many pixels a patch is high and wide: 4 in the paper.
  public var patchSize: Int
  /// In which order the weight of `patch` takes the numbers of a patch.
  public var patchOrder: PatchOrder
  /// From a patch to a vector: C × P² channels.
  public var patch: AffineMap<S>
  /// The normalisation of the patches' vectors; `nil` for none.
  public var patchNorm: LayerNorm<S>?
  /// The stages, first to last: four in the paper.
  public var stages: [SwinStage<S>]
  /// The normalisation of the last stage's output.
  public var norm: LayerNorm<S>
  /// From the mean of all positions to logits.
  public var head: AffineMap<S>

  /// Creates the parameters.
  public init(
    patchSize: Int, patchOrder: PatchOrder = .rowColumnChannel, patch: AffineMap<S>,
    patchNorm: LayerNorm<S>? = nil, stages: [SwinStage<S>], norm: LayerNorm<S>,
    head: AffineMap<S>
  ) {
    self.patchSize = patchSize
    self.patchOrder = patchOrder
    self.patch = patch
    self.patchNorm = patchNorm
    self.stages = stages
    self.norm = norm
    self.head = head
  }

  /// The same parameters in another type.
  public func converted<T: Scalar>(to type: T.Type = T.self) -> SwinTransformer<T> {
    SwinTransformer<T>(
      patchSize: patchSize, patchOrder: patchOrder, patch: patch.converted(),
      patchNorm: patchNorm?.converted(), stages: stages.map { $0.converted() },
      norm: norm.converted(), head: head.converted())
  }
}

/// What a Swin Transformer computes on the way.
public struct SwinTransformerSteps<S: Scalar>: Sendable {
  /// The patches' vectors, normalised: … × H/P × W/P × C.
  public var embedded: Tensor<S>
  /// What leaves every stage: … × H/P × W/P × C, then half as high and wide and twice as deep.
  public var stages: [Tensor<S>]
  /// The mean of all positions, normalised: … × the last stage's width.
  public var pooled: Tensor<S>
  /// A score for every class: … × classes.
  public var logits: Tensor<S>

  /// Creates the record of one pass.
  public init(
    embedded: Tensor<S>, stages: [Tensor<S>], pooled: Tensor<S>, logits: Tensor<S>
  ) {
    self.embedded = embedded
    self.stages = stages
    self.pooled = pooled
    self.logits = logits
  }
}
