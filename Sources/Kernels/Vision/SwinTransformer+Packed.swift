import Notation

extension WindowAttention<Float> {
  /// The same attention, its maps packed.
  public func packed() -> WindowAttention {
    var windows = self
    windows.attention = attention.packed()
    return windows
  }
}

extension SwinBlock<Float> {
  /// The same block, its maps packed.
  public func packed() -> SwinBlock {
    var block = self
    block.attention = attention.packed()
    block.feedForward = feedForward.packed()
    return block
  }
}

extension PatchMerging<Float> {
  /// The same merging, its map packed.
  public func packed() -> PatchMerging {
    PatchMerging(norm: norm, reduction: reduction.packed())
  }
}

extension SwinTransformer<Float> {
  /// The same model, its maps packed.
  public func packed() -> SwinTransformer {
    var model = self
    (model.patch, model.head) = (patch.packed(), head.packed())
    model.stages = stages.map { stage in
      SwinStage(merging: stage.merging?.packed(), blocks: stage.blocks.map { $0.packed() })
    }
    return model
  }
}
