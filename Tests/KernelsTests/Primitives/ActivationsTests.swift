import Equations
import ErrorBounds
import Kernels
import Notation
import Specification
import TestSupport
import Testing

@Suite("Activation kernels")
struct ActivationKernelTests {
  @Test("the kernels agree with the golden vectors", arguments: try GoldenCase.all(of: "activate"))
  func golden(_ vector: GoldenCase) throws {
    let activation = Activation.allCases.first {
      "\($0)" == vector.attributes.string("activation")
    }!
    let x = try vector.input("x")!
    try ErrorGauge(
      got: fenced { Kernels::activate(x.converted(), activation) },
      expected: try vector.expected("output")!, bound: activationBound(x, activation))
  }

  @Test("every kernel agrees with its equation", arguments: Activation.allCases)
  func agreement(_ activation: Activation) throws {
    try checkProperty("activation agreement \(activation)", cases: 100) { draw in
      let x = draw.tensor("x", [draw.size("n", upTo: 100, blocks: [8, 16])], .any)
      let wide = x.converted(to: Double.self)
      try ErrorGauge(
        got: fenced { Kernels::activate(x, activation) },
        expected: Equations::activate(wide, activation), bound: activationBound(wide, activation))
    }
  }

  @Test("one thread and two give the same bits, wherever an element lies")
  func threads() throws {
    var stream = RandomStream(seed: 5)
    let x = Tensor<Float>.normal([40_001], from: &stream)
    for activation in Activation.allCases {
      let one = Threads.$count.withValue(1) { Kernels::activate(x, activation) }
      try expectSameBits(Threads.$count.withValue(2) { Kernels::activate(x, activation) }, one)
      let tail = Tensor(shape: [9], storage: Array(x.storage.suffix(9)))
      try expectSameBits(
        Kernels::activate(tail, activation),
        Tensor(shape: [9], storage: Array(one.storage.suffix(9))))
    }
  }
}
