import Equations
import ErrorBounds
import Kernels
import Notation
import Specification
import TestSupport
import Testing

@Suite("Dropout kernel")
struct DropoutKernelTests {
  @Test("the kernel agrees with the golden vectors", arguments: try GoldenCase.all(of: "dropout"))
  func golden(_ vector: GoldenCase) throws {
    let x = try vector.input("x")!
    let drop = Dropout(
      probability: vector.attributes.number("probability")!,
      seed: UInt64(vector.attributes.integer("seed")!))
    try ErrorGauge(
      got: fenced { Kernels::dropout(x.converted(), drop) },
      expected: try vector.expected("output")!, bound: dropoutBound(x.finite, drop))
  }

  @Test("the kernel has the bits of the equation in Float, whatever the numbers")
  func agreement() throws {
    try checkProperty("dropout agreement", cases: 300) { draw in
      let x = draw.tensor("x", [draw.size("n", upTo: 100, blocks: [8, 16])], .any)
      let drop = draw.dropout()
      func oneNaN(_ x: Tensor<Float>) -> Tensor<Float> { x.map { $0.isNaN ? .nan : $0 } }
      try expectSameBits(
        oneNaN(fenced { Kernels::dropout(x, drop) }), oneNaN(Equations::dropout(x, drop)))
    }
  }

  @Test("the kernel agrees with the equation in Double")
  func error() throws {
    try checkProperty("dropout error", cases: 100) { draw in
      let x = draw.tensor("x", [draw.size("n", upTo: 100, blocks: [8, 16])], .ordinary)
      let drop = draw.dropout()
      let wide = x.converted(to: Double.self)
      try ErrorGauge(
        got: fenced { Kernels::dropout(x, drop) }, expected: Equations::dropout(wide, drop),
        bound: dropoutBound(wide, drop))
    }
  }

  @Test("an element whose number is p itself is kept, at the smallest and the largest p")
  func limits() {
    let ones = Tensor<Float>(shape: [40_000], repeating: 1)
    for seed: UInt64 in [7, .max] {
      for i in [0, 1, 6, 39_999] {
        let p = SplitMix64.uniform(i, seed: seed)
        #expect(Kernels::dropout(ones, Dropout(probability: p, seed: seed))[i] > 0)
        #expect(Kernels::dropout(ones, Dropout(probability: p.nextUp, seed: seed))[i] == 0)
      }
      let none = Kernels::dropout(ones, Dropout(probability: 1, seed: seed))
      #expect(none.storage.allSatisfy { $0 == 0 })
      let least = Dropout(probability: .leastNonzeroMagnitude, seed: seed)
      #expect(Kernels::dropout(ones, least) == Equations::dropout(ones, least))
      let most = Dropout(probability: 1.0.nextDown, seed: seed)
      #expect(Kernels::dropout(ones, most) == Equations::dropout(ones, most))
    }
  }

  @Test("any number of threads drops the same, and so does a beginning alone")
  func threads() throws {
    var stream = RandomStream(seed: 5)
    let x = Tensor<Float>.normal([40_001], from: &stream)
    let drop = Dropout(probability: 0.3, seed: 11)
    let one = Threads.$count.withValue(1) { Kernels::dropout(x, drop) }
    for count in [2, 2, 5] {
      try expectSameBits(Threads.$count.withValue(count) { Kernels::dropout(x, drop) }, one)
    }
    let start = Tensor(shape: [77], storage: Array(x.storage[..<77]))
    try expectSameBits(
      Kernels::dropout(start, drop), Tensor(shape: [77], storage: Array(one.storage[..<77])))
  }
}

extension Draw {
  /// What is dropped, nothing or everything included.
  func dropout() -> Dropout {
    Dropout(
      probability: element("p", of: [0.5, 0, 0.25, 0.1, 0.9, 1]),
      seed: UInt64(bitPattern: Int64(integer("seed", in: -1000...1000))))
  }
}
