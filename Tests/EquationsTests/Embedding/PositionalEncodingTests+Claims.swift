import Equations
import ErrorBounds
import Notation
import TestSupport
import Testing

/// The documents' claims that are about one experiment and not about every input.
@Suite("Claims about positional encoding")
struct PositionalEncodingClaimTests {
  @Test("without positions a turned sentence gives the same vectors, turned; with them others")
  func order() throws {
    // Three words, 我打你 and 你打我: the first and the last change places.
    var stream = RandomStream(seed: 21)
    let width = 8
    let p = MultiHeadAttention<Double>.normal(width: width, heads: 2, from: &stream)
    let x = Tensor<Double>.normal([3, width], from: &stream)
    func turned<Element>(_ x: Tensor<Element>) -> Tensor<Element> {
      Tensor(shape: x.shape, storage: [2, 1, 0].flatMap { x.slice($0).storage })
    }
    func attend<S: Scalar>(_ x: Tensor<S>) -> Tensor<S> {
      multiHeadAttention(queries: x, keys: x, values: x, p.converted())
    }
    try ErrorGauge(
      got: attend(turned(x)), expected: turned(attend(x)),
      bound: attend(turned(x).tracked).bounds + turned(attend(x.tracked).bounds))
    let (there, back) = (attend(addPositions(x)), turned(attend(addPositions(turned(x)))))
    for word in 0..<3 {
      let change = zip(there.slice(word).storage, back.slice(word).storage).map { abs($0 - $1) }
      #expect(change.max()! > 1e-2, "word \(word) does not see the order")
    }
  }

  @Test(
    "no two of 5000 positions have one code, though two may be near",
    arguments: [(2, 710, 6.0289e-5, 0.5e-9), (64, 1, 1.471848, 0.5e-6)])
  func unique(width: Int, nearest: Int, distance: Double, halfUnit: Double) {
    // The distance of two positions depends on their difference alone, so one of them may be 0.
    let codes = positionalEncoding(length: 5000, width: width) as Tensor<Double>
    let squares = (1..<5000).map { p in
      (0..<width).reduce(0) {
        let step = codes.storage[p * width + $1] - codes.storage[$1]
        return $0 + step * step
      }
    }
    let least = squares.min()!
    #expect(squares.firstIndex(of: least)! + 1 == nearest)
    #expect(abs(least.squareRoot() - distance) <= halfUnit)
  }

  @Test("sinusoids have no parameters, a learned table has its elements")
  func parameters() {
    #expect(parameterCount(of: PositionalEncoding<Double>.sinusoidal(maximumLength: 5000)) == 0)
    let table = Tensor<Double>(shape: [5, 4], repeating: 0)
    #expect(parameterCount(of: PositionalEncoding<Double>.learned(table)) == 20)
  }

  @Test("in Float the two forms differ, by up to 2⁻²² times the position")
  func forms() throws {
    func table<S: Scalar>(_ form: SinusoidForm) -> Tensor<S> {
      positionalEncoding(length: 20, width: 512, offset: 4980, .sinusoidal(form))
    }
    let (power, exponential) = (
      table(.power) as Tensor<Float>, table(.exponential) as Tensor<Float>
    )
    let difference = zip(power.storage, exponential.storage).map { abs($0 - $1) }.max()!
    #expect(difference > 1e-4 && difference <= 5000 * 0x1p-22)
    for (inFloat, form) in [(power, SinusoidForm.power), (exponential, .exponential)] {
      try ErrorGauge(
        got: inFloat, expected: table(form),
        bound: (table(form) as Tensor<RunningError>).bounds.map { 0x1p-24 / 0x1p-53 * $0 })
    }
  }
}
