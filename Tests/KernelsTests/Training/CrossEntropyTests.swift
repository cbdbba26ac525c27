import Equations
import ErrorBounds
import Kernels
import Notation
import Specification
import TestSupport
import Testing

@Suite("Cross-entropy kernel")
struct CrossEntropyKernelTests {
  @Test(
    "the kernel agrees with the golden vectors", arguments: try GoldenCase.all(of: "crossEntropy"))
  func golden(_ vector: GoldenCase) throws {
    let (z, labels) = (try vector.input("logits")!, try vector.integers("labels")!)
    let ignored = vector.attributes.integer("ignoring")
    let word = vector.attributes.string(needed: "reduction")
    for (name, reduction) in [
      ("losses", .each), ("output", LossReduction.allCases.first { "\($0)" == word }!),
    ] {
      try ErrorGauge(
        got: fenced {
          Kernels::crossEntropy(
            z.converted(), labels: labels, ignoring: ignored, reduction: reduction)
        },
        expected: try vector.expected(name)!,
        bound: crossEntropyBound(z, labels: labels, ignoring: ignored, reduction: reduction))
    }
  }

  @Test(
    "perplexity agrees with the golden vectors", arguments: try GoldenCase.all(of: "perplexity"))
  func goldenPerplexity(_ vector: GoldenCase) throws {
    let (losses, counts) = (try vector.input("losses")!, try vector.integers("counts")!)
    let word = vector.attributes.string(needed: "weighting")
    let weighting = LossWeighting.allCases.first { "\($0)" == word }!
    try ErrorGauge(
      got: single(
        Kernels::meanLoss(ofBatches: losses.converted(), counts: counts, weighting: weighting)),
      expected: try vector.expected("meanLoss")!,
      bound: single(meanLossBound(ofBatches: losses, counts: counts, weighting: weighting)))
    try ErrorGauge(
      got: single(
        Kernels::perplexity(ofBatches: losses.converted(), counts: counts, weighting: weighting)),
      expected: try vector.expected("output")!,
      bound: single(perplexityBound(ofBatches: losses, counts: counts, weighting: weighting)))
  }

  @Test(
    "the kernel agrees with the equation, whatever the row", arguments: [Values.ordinary, .any])
  func agreement(_ values: Values) throws {
    try checkProperty("cross-entropy agreement \(values)", cases: 200) { draw in
      let (z, labels, ignored) = draw.predictions(values)
      let wide = z.converted(to: Double.self)
      // Two logits may be farther apart than Float reaches, and then no mean of theirs is left.
      for reduction in values == .ordinary ? LossReduction.allCases : [.each] {
        let exact = Equations::crossEntropy(
          wide, labels: labels, ignoring: ignored, reduction: reduction)
        try ErrorGauge(
          got: fenced {
            Kernels::crossEntropy(z, labels: labels, ignoring: ignored, reduction: reduction)
          },
          expected: exact.map { Float($0) == .infinity ? .infinity : $0 },
          bound: crossEntropyBound(wide, labels: labels, ignoring: ignored, reduction: reduction))
      }
    }
  }

  @Test("means over batches agree with the equation")
  func means() throws {
    try checkProperty("mean loss agreement", cases: 200) { draw in
      let k = draw.size("k", upTo: 5)
      let losses = draw.tensor("losses", [k], .ordinary)
      let counts = Tensor(
        shape: [k], storage: (0..<k).map { _ in draw.integer("count", in: 0...1000) })
      let weighting = draw.element("weighting", of: LossWeighting.allCases)
      let wide = losses.converted(to: Double.self)
      try ErrorGauge(
        got: single(Kernels::meanLoss(ofBatches: losses, counts: counts, weighting: weighting)),
        expected: single(
          Equations::meanLoss(ofBatches: wide, counts: counts, weighting: weighting)),
        bound: single(meanLossBound(ofBatches: wide, counts: counts, weighting: weighting)))
      try ErrorGauge(
        got: single(Kernels::perplexity(ofBatches: losses, counts: counts, weighting: weighting)),
        expected: single(
          Equations::perplexity(ofBatches: wide, counts: counts, weighting: weighting)),
        bound: single(perplexityBound(ofBatches: wide, counts: counts, weighting: weighting)))
    }
  }

  @Test("a gap that nothing else comes near is exact, wherever the largest logit stands")
  func exact() {
    for v in [1, 2, 7, 8, 9, 31, 32, 33, 35, 511, 512, 513, 1027] {
      for largest in Set([0, v / 2, v - 1]) {
        var z = Tensor<Float>(shape: [v, v], repeating: -1000)
        for i in 0..<v { z[i, largest] = 24 }
        let losses = Kernels::crossEntropy(
          z, labels: Tensor(shape: [v], storage: Array(0..<v)), reduction: .each)
        #expect(losses.storage == (0..<v).map { $0 == largest ? 0 : 1024 })
      }
    }
  }

  @Test("what stands at an ignored position, or in another row, does not reach a loss")
  func poison() throws {
    var stream = RandomStream(seed: 2)
    let z = Tensor<Float>.normal([4, 37], from: &stream)
    let labels: Tensor<Int> = [3, 36, 5, 36]
    var poisoned = z
    for j in 0..<37 { (poisoned[1, j], poisoned[3, j]) = (.nan, .infinity) }
    for reduction in LossReduction.allCases {
      try expectSameBits(
        Kernels::crossEntropy(poisoned, labels: labels, ignoring: 36, reduction: reduction),
        Kernels::crossEntropy(z, labels: labels, ignoring: 36, reduction: reduction))
    }
    let losses = Kernels::crossEntropy(poisoned, labels: labels, reduction: .each)
    let clean = Kernels::crossEntropy(z, labels: labels, reduction: .each)
    #expect(losses[0] == clean[0] && losses[2] == clean[2])
    #expect(losses[1].isNaN && losses[3].isNaN)
  }

  @Test("any number of threads gives the same bits, and so does a row alone")
  func threads() throws {
    var stream = RandomStream(seed: 5)
    let z = Tensor<Float>.normal([300, 1057], from: &stream)
    let labels = Tensor(
      shape: [300], storage: (0..<300).map { _ in Int.random(in: 0..<1057, using: &stream) })
    for reduction in LossReduction.allCases {
      func loss(_ threads: Int) -> Tensor<Float> {
        Threads.$count.withValue(threads) {
          Kernels::crossEntropy(z, labels: labels, reduction: reduction)
        }
      }
      let one = loss(1)
      for count in [2, 2, 5] { try expectSameBits(loss(count), one) }
    }
    let losses = Kernels::crossEntropy(z, labels: labels, reduction: .each)
    for i in 0..<9 {
      try expectSameBits(
        Kernels::crossEntropy(z.slice(i), labels: labels.slice(i), reduction: .each),
        losses.slice(i))
    }
  }

  @Test("the kernel refuses what the equation refuses, in the same words")
  func refusals() async throws {
    let shape = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Kernels::crossEntropy([[1, 2], [3, 4]], labels: [0])
    }
    expectSentence(
      "labels must have the shape of the logits without the vocabulary: got 1 for 2 × 2",
      from: shape)
    let label = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Kernels::crossEntropy([[1, 2], [3, 4]], labels: [-100, 2], ignoring: -100)
    }
    expectSentence("label 2 is outside of the vocabulary 0 ..< 2", from: label)
    let counts = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Kernels::meanLoss(ofBatches: [1, 2], counts: [3])
    }
    expectSentence("each batch needs a loss and a count: got 2 losses and 1 counts", from: counts)
    let count = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Kernels::perplexity(ofBatches: [1, 2], counts: [3, -1])
    }
    expectSentence("no count may be negative: got [3, -1]", from: count)
  }
}

private func single<S: Scalar>(_ number: S) -> Tensor<S> { Tensor(shape: [], storage: [number]) }

extension Draw {
  /// Logits of some positions with their labels, some of which may be ignored.
  fileprivate func predictions(
    _ values: Values
  ) -> (logits: Tensor<Float>, labels: Tensor<Int>, ignored: Int?) {
    let (n, v) = (size("n", upTo: 4), size("v", from: 1, upTo: 1100, blocks: [32, 512]))
    let labels = Tensor(
      shape: [n], storage: (0..<n).map { _ in integer("label", in: 0...v - 1) })
    return (tensor("z", [n, v], values), labels, element("ignored", of: [nil, 0]))
  }
}
