import Equations
import Notation
import TestSupport
import Testing

/// The documents' claims that are about one experiment and not about every input.
@Suite("Claims about the encoder's layer")
struct EncoderLayerClaimTests {
  @Test(
    "no loss over the words depends on the padding, and each depends on every word",
    arguments: NormPlacement.allCases)
  func padding(placement: NormPlacement) {
    let (words, t, d) = (3, 5, LayerMaker.width)
    var maker = LayerMaker(seed: 5, placement: placement)
    let (p, x) = (maker.encoderLayer(), maker.numbers([t, d]))
    // A sum of normalised numbers is constant: only with weights is it a loss that says something.
    let weights = maker.numbers([words, d]).storage
    let keep = Tensor(shape: [1, 1, t], storage: (0..<t).map { $0 < words })
    func loss(_ x: Tensor<Double>, _ mask: AttentionMask<Double>) -> Double {
      zip(encoderLayer(x, p, mask: mask).storage, weights).reduce(0) { $0 + $1.0 * $1.1 }
    }
    for j in 0..<t {
      let step = 1e-5  // the best for central differences in Double is about u^⅓
      func slope(_ mask: AttentionMask<Double>) -> Double {
        (0..<d).map { c in
          var (above, below) = (x, x)
          above[j, c] += step
          below[j, c] -= step
          return abs(loss(above, mask) - loss(below, mask)) / (2 * step)
        }.max()!
      }
      if j >= words { #expect(slope(.keep(keep)) == 0, "padding \(j) has an influence") }
      if j < words { #expect(slope(.keep(keep)) > 1e-3, "word \(j) has no influence") }
      #expect(slope(.none) > 1e-3, "unmasked position \(j) has no influence")
    }
  }
}
