import Equations
import Notation
import TestSupport
import Testing

/// The documents' claims that are about one experiment and not about every input.
@Suite("Claims about the decoder's layer")
struct DecoderLayerClaimTests {
  @Test(
    "every position depends on every word of the memory, and on none of its padding",
    arguments: NormPlacement.allCases)
  func wholeMemory(placement: NormPlacement) {
    let (t, words, s, d) = (4, 5, 7, LayerMaker.width)
    var maker = LayerMaker(seed: 11, placement: placement)
    let (p, x, memory) = (maker.decoderLayer(), maker.numbers([t, d]), maker.numbers([s, d]))
    let keep = Tensor(shape: [1, 1, s], storage: (0..<s).map { $0 < words })
    let step = 1e-5  // the best for central differences in Double is about u^⅓
    for j in 0..<s {
      var (above, below) = (memory, memory)
      above[j, 0] += step
      below[j, 0] -= step
      let (y, z) = (
        decoderLayer(x, memory: above, p, memoryMask: .keep(keep)),
        decoderLayer(x, memory: below, p, memoryMask: .keep(keep))
      )
      for i in 0..<t {
        let slope = (0..<d).map { abs(y[i, $0] - z[i, $0]) / (2 * step) }.max()!
        if j < words { #expect(slope > 1e-3, "position \(i) does not see word \(j)") }
        if j >= words { #expect(slope == 0, "position \(i) sees padding \(j)") }
      }
    }
  }

  @Test("as many positions come out as go in, however long the memory is")
  func lengths() {
    var maker = LayerMaker(seed: 12, placement: .postNorm)
    let p = maker.decoderLayer()
    for (t, s) in [(1, 1), (1, 9), (4, 1), (5, 3), (3, 0), (0, 3)] {
      let (x, memory) = (maker.numbers([2, t, 6]), maker.numbers([2, s, 6]))
      #expect(decoderLayer(x, memory: memory, p).shape == x.shape)
    }
  }
}
