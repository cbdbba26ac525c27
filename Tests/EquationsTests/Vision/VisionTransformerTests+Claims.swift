import Equations
import Notation
import TestSupport
import Testing

/// What is known of the model beside its equations.
@Suite("Claims about the Vision Transformer")
struct VisionTransformerClaimTests {
  @Test("an image of 224 × 224 has 196 patches of 16 × 16, each of 768 numbers")
  func patchCount() {
    let image = Tensor<Double>(shape: [224, 224, 3], repeating: 0)
    #expect(patches(image, size: 16).shape == [196, 768])
  }

  @Test("the class token knows the order of patches by their positions alone")
  func order() {
    var maker = LayerMaker(seed: 55, placement: .preNorm)
    let images = maker.numbers([1, 4, 6, 2])
    let moved = images.patchesMoved(2, [3, 0, 5, 1, 4, 2])
    var p = maker.visionTransformer(patchSize: 2, channels: 2, patches: 6, layers: 2)
    func difference() -> Double {
      let (a, b) = (visionTransformer(images, p), visionTransformer(moved, p))
      return zip(a.storage, b.storage).map { abs($0 - $1) }.max()!
    }
    #expect(difference() > 1e-2)
    // One position for all patches, which is not 0, and another for the class token.
    p.positions = p.positions.rows([0, 1, 1, 1, 1, 1, 1])
    #expect(difference() < 1e-13)
    p.positions = p.positions.map { _ in 0 }
    #expect(difference() < 1e-13)
  }

  @Test("the parameters of ViT-B/16 are as many as published")
  func parameters() {
    func count(
      width d: Int, inner: Int, layers: Int, patch: Int, patches n: Int, classes: Int
    ) -> Int {
      let layer = 4 * (d * d + d) + 2 * d * inner + inner + d + 4 * d
      return patch * d + d + d + (n + 1) * d + layers * layer + 2 * d + classes * d + classes
    }
    var maker = LayerMaker(seed: 16, placement: .preNorm)
    let p = maker.visionTransformer(patchSize: 3, channels: 2, patches: 8, layers: 2)
    #expect(
      parameterCount(of: p)
        == count(
          width: LayerMaker.width, inner: p.layers[0].feedForward.inner.outputs, layers: 2,
          patch: 18, patches: 8, classes: p.head.outputs))
    #expect(
      count(width: 768, inner: 3072, layers: 12, patch: 768, patches: 196, classes: 1000)
        == 86_567_656)
  }

  @Test("from the first layer on every position depends on every patch")
  func globalView() {
    var maker = LayerMaker(seed: 5, placement: .preNorm)
    let p = maker.visionTransformer(patchSize: 1, channels: 1, patches: 12, layers: 1)
    let images = maker.numbers([3, 4, 1])
    for at in images.storage.indices {
      var poisoned = images
      poisoned.storage[at] = .nan
      let layer = visionTransformerSteps(poisoned, p).layers[0]
      #expect(layer.storage.allSatisfy { $0.isNaN }, "patch \(at)")
    }
  }
}
