import Equations
import Notation
import TestSupport
import Testing

/// What is known of the model beside its equations.
@Suite("Claims about the Swin Transformer")
struct SwinTransformerClaimTests {
  @Test("shifted windows are 4 where padding makes 9 of them")
  func windowCounts() {
    #expect(shiftedWindowMask(height: 14, width: 14, window: 7, shift: 3).shape[0] == 4)
    #expect(windows(Tensor<Double>(shape: [21, 21, 1], repeating: 0), size: 7).shape[0] == 9)
  }

  @Test("−100 added hides a score only where it lies less than 100 above the others")
  func leak() {
    var maker = LayerMaker(seed: 57, placement: .preNorm)
    var p = maker.windowAttention(window: 2)
    let x = maker.numbers([4, 4, LayerMaker.width])
    func difference() -> Double {
      let (excluded, added) = (
        shiftedWindowAttention(x, p, shift: 1),
        shiftedWindowAttention(x, p, shift: 1, fill: .added(-100))
      )
      return zip(excluded.storage, added.storage).map { abs($0 - $1) }.max()!
    }
    #expect(difference() == 0)  // e⁻¹⁰⁰ is lost beside 1
    p.attention.query.weight = p.attention.query.weight.map { $0 * 1000 }
    #expect(difference() > 0.1)
  }

  @Test("a position sees more from stage to stage, until it sees the whole image")
  func receptiveField() {
    var maker = LayerMaker(seed: 58, placement: .preNorm)
    let p = maker.swinTransformer(
      patchSize: 1, channels: 1, stages: [(2, 2), (2, 2), (2, 1), (1, 1)], patchNorm: true)
    let images = maker.numbers([8, 8, 1])
    /// How many pixels each position of each stage depends on: NaN goes wherever a number is read.
    var seen = swinTransformerSteps(images, p).stages.map { stage in
      Array(repeating: 0, count: stage.shape[0] * stage.shape[1])
    }
    for pixel in images.storage.indices {
      var poisoned = images
      poisoned.storage[pixel] = .nan
      for (k, stage) in swinTransformerSteps(poisoned, p).stages.enumerated() {
        for i in seen[k].indices where stage.storage[i * stage.shape[2]].isNaN { seen[k][i] += 1 }
      }
    }
    #expect(seen[0].min() == 4 && seen[0].max() == 16)
    #expect(seen[1].min()! > 16 && seen[1].min()! < 64)
    #expect((seen[2] + seen[3]).allSatisfy { $0 == 64 })
    // Without shifts a window of the first stage is all that is seen.
    var unshifted = p
    for k in p.stages.indices {
      for l in p.stages[k].blocks.indices { unshifted.stages[k].blocks[l].shift = 0 }
    }
    var poisoned = images
    poisoned.storage[0] = .nan
    let first = swinTransformerSteps(poisoned, unshifted).stages[0]
    #expect(first.storage.filter { $0.isNaN }.count == 4 * LayerMaker.width)
  }

  @Test("four times as many positions cost 4 times as much in windows, up to 16 times without")
  func growth() {
    var last = 4.0
    for side in [7, 14, 28, 56, 112, 224, 448, 896, 1792, 3584] {
      let inWindows = windowAttentionCost(height: side, width: side, channels: 96, window: 7)
      let next = windowAttentionCost(height: 2 * side, width: 2 * side, channels: 96, window: 7)
      #expect(next == 4 * inWindows)
      let ratio =
        Double(attentionCost(height: 2 * side, width: 2 * side, channels: 96))
        / Double(attentionCost(height: side, width: side, channels: 96))
      #expect(ratio > last && ratio < 16)
      last = ratio
    }
    #expect(last > 15.99)
  }

  @Test("the parameters of Swin-T are as many as published")
  func parameters() {
    func count(
      width c: Int, heads: [Int], blocks: [Int], windows: [Int], inner: (Int) -> Int, patch: Int,
      classes: Int
    ) -> Int {
      var (d, sum) = (c, patch * c + c + 2 * c)
      for k in blocks.indices {
        if k > 0 {
          sum += 8 * d + 8 * d * d
          d *= 2
        }
        let offsets = (2 * windows[k] - 1) * (2 * windows[k] - 1)
        let attention = 4 * (d * d + d) + offsets * heads[k]
        sum += blocks[k] * (attention + 2 * d * inner(d) + inner(d) + d + 4 * d)
      }
      return sum + 2 * d + classes * d + classes
    }
    var maker = LayerMaker(seed: 60, placement: .preNorm)
    let p = maker.swinTransformer(
      patchSize: 2, channels: 3, stages: [(3, 2), (2, 1)], patchNorm: true)
    let dFF = p.stages[0].blocks[0].feedForward.inner.outputs
    #expect(
      parameterCount(of: p)
        == count(
          width: LayerMaker.width, heads: [2, 2], blocks: [2, 1], windows: [3, 2],
          inner: { _ in dFF }, patch: 12, classes: p.head.outputs))
    #expect(
      count(
        width: 96, heads: [3, 6, 12, 24], blocks: [2, 2, 6, 2], windows: [7, 7, 7, 7],
        inner: { 4 * $0 }, patch: 48, classes: 1000) == 28_288_354)
  }
}
