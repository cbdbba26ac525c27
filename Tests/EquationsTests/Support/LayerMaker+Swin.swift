import Notation

extension LayerMaker {
  mutating func windowAttention(_ d: Int = width, window m: Int) -> WindowAttention<Double> {
    let attention = attention(d)
    return WindowAttention(
      attention: attention,
      biasTable: numbers([(2 * m - 1) * (2 * m - 1), attention.heads]), windowSize: m)
  }

  mutating func swinBlock(_ d: Int = width, window m: Int, shift s: Int) -> SwinBlock<Double> {
    SwinBlock(
      attention: windowAttention(d, window: m), attentionNorm: norm(d),
      feedForward: feedForward(d), feedForwardNorm: norm(d), shift: s)
  }

  mutating func merging(from d: Int = width) -> PatchMerging<Double> {
    PatchMerging(
      norm: norm(4 * d),
      reduction: AffineMap(weight: numbers([2 * d, 4 * d], deviation: 0.25)))
  }

  /// A model that begins with a width of 6; of each stage there are given windows and blocks.
  mutating func swinTransformer(
    patchSize: Int, channels: Int, stages: [(window: Int, blocks: Int)], patchNorm: Bool,
    order: PatchOrder = .rowColumnChannel
  ) -> SwinTransformer<Double> {
    let widths = stages.indices.map { Self.width << $0 }
    return SwinTransformer(
      patchSize: patchSize, patchOrder: order,
      patch: affineMap(Self.width, patchSize * patchSize * channels),
      patchNorm: patchNorm ? norm() : nil,
      stages: zip(stages, widths).map { stage, d in
        SwinStage(
          merging: d == Self.width ? nil : merging(from: d / 2),
          blocks: (0..<stage.blocks).map {
            swinBlock(d, window: stage.window, shift: $0 % 2 * (stage.window / 2))
          })
      },
      norm: norm(widths.last!), head: affineMap(4, widths.last!))
  }
}
