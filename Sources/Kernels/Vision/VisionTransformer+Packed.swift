import Notation

extension VisionTransformer<Float> {
  /// The same model, its maps packed.
  public func packed() -> VisionTransformer {
    var model = self
    (model.patch, model.head) = (patch.packed(), head.packed())
    model.layers = layers.map { $0.packed() }
    return model
  }
}
