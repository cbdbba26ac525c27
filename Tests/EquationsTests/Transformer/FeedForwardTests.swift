import Equations
import ErrorBounds
import Notation
import Specification
import TestSupport
import Testing

private struct Network<S: Scalar>: Sendable {
  var x: Tensor<S>
  var p: FeedForward<S>
  var drop = Dropout.none

  func converted<T: Scalar>(to type: T.Type = T.self) -> Network<T> {
    Network<T>(x: x.converted(), p: p.converted(), drop: drop)
  }
}

private typealias Map = @Sendable (Network<Double>) -> Tensor<Double>

private func correct<S: Scalar>(_ input: Network<S>) -> Tensor<S> {
  feedForward(input.x, input.p, dropout: input.drop)
}

@Suite("Feed-forward")
struct FeedForwardTests {
  @Test("the network agrees with the golden vectors", arguments: try vectors)
  func golden(_ vector: GoldenCase) throws { try compare(correct, with: vector) }

  @Test("the network in Float agrees with the golden vectors", arguments: try vectors)
  func goldenInFloat(_ vector: GoldenCase) throws {
    let input = try network(vector).converted(to: Float.self)
    try vector.check(
      [
        "inner": inner(input).converted(),
        "output": correct(input).converted(),
      ], unit: 0x1p-24)
  }

  @Test("the laws of the network hold", arguments: laws)
  fileprivate func law(_ law: Law<Map>) throws { try law.hold(for: correct) }

  @Test("every wrong network is rejected", arguments: wrongVersions)
  fileprivate func wrong(_ version: WrongVersion<Map>) throws {
    version.expectRejection(by: try vectors, comparedBy: compare, and: laws)
  }

  @Test("each activation makes another network")
  func activationsDiffer() throws {
    var input = try network(try #require(try vectors.first { $0.id == "plain" }))
    let outputs = Activation.allCases.map { activation in
      input.p.activation = activation
      return correct(input)
    }
    #expect(Set(outputs).count == outputs.count)
  }

  @Test("maps that do not fit stop the program with a sentence")
  func shapes() async throws {
    let outer = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = FeedForward<Double>(
        inner: AffineMap(weight: [[1, 2], [3, 4], [5, 6]]), outer: AffineMap(weight: [[1, 2]]))
    }
    expectSentence(
      "the outer map must take the 3 numbers that the inner one gives: got 1 × 2", from: outer)
  }
}

private var vectors: [GoldenCase] { get throws { try GoldenCase.all(of: "feedForward") } }

private func network(_ vector: GoldenCase) throws -> Network<Double> {
  func map(_ name: String) throws -> AffineMap<Double> {
    AffineMap(weight: try vector.input(name + "Weight")!, bias: try vector.input(name + "Bias"))
  }
  let name = vector.attributes.string("activation")
  let drop = vector.attributes.number("probability").map {
    Dropout(probability: $0, seed: UInt64(vector.attributes.integer("seed")!))
  }
  return Network(
    x: try vector.input("x")!,
    p: FeedForward(
      inner: try map("inner"), outer: try map("outer"),
      activation: Activation.allCases.first { "\($0)" == name }!),
    drop: drop ?? .none)
}

/// What stands between the two maps, before dropout.
private func inner<S: Scalar>(_ input: Network<S>) -> Tensor<S> {
  affineMap(input.x, input.p.inner, activation: input.p.activation)
}

private func compare(_ map: Map, with vector: GoldenCase) throws {
  let input = try network(vector)
  try vector.check(["inner": inner(input), "output": map(input)])
}

// MARK: - Laws

private let laws: [Law<Map>] = [
  Law("the output is the outer map of what is kept of the activated inner one") { map, draw in
    let input = draw.network(activations: Activation.allCases)
    let tracked = input.converted(to: RunningError.self)
    let h = convolution(tracked.x.transposed, tracked.p.inner)
    // Dropout counts the inner numbers position by position.
    let inner = activate(h.transposed, tracked.p.activation)
    let rest = RunningError(1 - input.drop.probability)
    let kept = Tensor(
      shape: inner.shape,
      storage: inner.storage.indices.map { input.drop.keeps($0) ? inner.storage[$0] / rest : 0 })
    try expectOutput(map(input), is: convolution(kept.transposed, tracked.p.outer), tracked)
  },
  Law("the network is two convolutions that see one position") { map, draw in
    var input = draw.network(activations: [.relu])
    input.drop = .none
    let tracked = input.converted(to: RunningError.self)
    let inner = convolution(tracked.x.transposed, tracked.p.inner).map { $0 < 0 ? 0 : $0 }
    try expectOutput(map(input), is: convolution(inner, tracked.p.outer), tracked)
  },
  Law("the positions of a sequence have nothing to do with each other") { map, draw in
    var input = draw.network(activations: Activation.allCases)
    input.drop = .none
    let y = map(input)
    for i in 0..<input.x.shape[0] {
      var alone = input
      alone.x = input.x.slice(i)
      try expect(map(alone) == y.slice(i), "position \(i) alone has other bits")
    }
  },
]

/// A convolution over positions whose kernel sees one of them.
///
///     y_ot = Σ_c w_oc x_ct + b_o        outputs × positions
private func convolution<S: Scalar>(_ x: Tensor<S>, _ kernel: AffineMap<S>) -> Tensor<S> {
  var y = Tensor<S>(shape: [kernel.outputs, x.shape[1]], repeating: 0)
  for c in 0..<kernel.inputs {
    for o in 0..<kernel.outputs {
      for t in 0..<x.shape[1] { y[o, t] += kernel.weight[o, c] * x[c, t] }
    }
  }
  for o in 0..<kernel.outputs {
    for t in 0..<x.shape[1] { y[o, t] += kernel.bias?[o] ?? 0 }
  }
  return y
}

/// Throws unless an output is that of the convolutions, channels × positions.
private func expectOutput(
  _ got: Tensor<Double>, is channels: Tensor<RunningError>, _ input: Network<RunningError>
) throws {
  let expected = channels.transposed
  try ErrorGauge(
    got: got, expected: expected.map(\.value),
    bound: expected.bounds + correct(input).bounds)
}

extension Draw {
  fileprivate func network(activations: [Activation]) -> Network<Double> {
    let (t, d) = (size("t", from: 1, upTo: 4), size("d", from: 1, upTo: 5))
    let dFF = bool("square") ? d : size("dFF", upTo: 9)
    func map(_ name: String, _ outputs: Int, _ inputs: Int) -> AffineMap<Double> {
      AffineMap(
        weight: tensor(name, [outputs, inputs], .ordinary).converted(),
        bias: bool(name + " biased") ? tensor(name + "Bias", [outputs], .ordinary).converted() : nil
      )
    }
    return Network(
      x: tensor("x", [t, d], .ordinary).converted(),
      p: FeedForward(
        inner: map("inner", dFF, d), outer: map("outer", d, dFF),
        activation: element("activation", of: activations)),
      drop: Dropout(
        probability: element("probability", of: [0, 0.5, 0.25]),
        seed: UInt64(integer("seed", in: 0...1000))))
  }
}

// MARK: - Wrong versions

private let wrongVersions: [WrongVersion<Map>] = [
  wrong("no activation") { $0.p.activation = .identity },
  wrong("GELU for ReLU") { if $0.p.activation == .relu { $0.p.activation = .gelu } },
  wrong("ReLU for GELU") { if $0.p.activation == .gelu { $0.p.activation = .relu } },
  wrong("GELU by tanh for GELU") { if $0.p.activation == .gelu { $0.p.activation = .geluTanh } },
  wrong("GELU for GELU by tanh") { if $0.p.activation == .geluTanh { $0.p.activation = .gelu } },
  wrong("tanh for the sigmoid") { if $0.p.activation == .sigmoid { $0.p.activation = .tanh } },
  wrong("the inner bias is forgotten") { $0.p.inner.bias = nil },
  wrong("the outer bias is forgotten") { $0.p.outer.bias = nil },
  wrong("the biases are exchanged where they are of one length") { input in
    let (inner, outer) = (input.p.inner, input.p.outer)
    guard inner.outputs == outer.outputs else { return }
    (input.p.inner.bias, input.p.outer.bias) = (outer.bias, inner.bias)
  },
  wrong("the maps are exchanged where they are square") { input in
    let (inner, outer) = (input.p.inner, input.p.outer)
    guard inner.inputs == inner.outputs, outer.outputs == outer.inputs else { return }
    (input.p.inner, input.p.outer) = (outer, inner)
  },
  wrong("the inner weight is transposed where it is square") { input in
    let w = input.p.inner.weight
    if w.shape[0] == w.shape[1] { input.p.inner.weight = w.transposed }
  },
  wrong("the outer weight is transposed where it is square") { input in
    let w = input.p.outer.weight
    if w.shape[0] == w.shape[1] { input.p.outer.weight = w.transposed }
  },
  wrong("nothing is dropped") { $0.drop = .none },
  wrong("dropout by the words of another seed") { input in
    input.drop = Dropout(probability: input.drop.probability, seed: input.drop.seed + 1)
  },
  WrongVersion("what is kept is not scaled up") { input in
    var smaller = input
    let keep = 1 - input.drop.probability
    guard keep > 0 else { return correct(input) }
    smaller.p.outer.weight = input.p.outer.weight.map { $0 * keep }
    return correct(smaller)
  },
  WrongVersion("dropout of the output") { input in
    dropout(feedForward(input.x, input.p), input.drop)
  },
  WrongVersion("dropout before the inner map") { input in
    feedForward(dropout(input.x, input.drop), input.p)
  },
  WrongVersion("dropout before the activation") { input in
    let h = dropout(affineMap(input.x, input.p.inner), input.drop)
    return affineMap(activate(h, input.p.activation), input.p.outer)
  },
  WrongVersion("activated after the outer map, too") { input in
    activate(correct(input), input.p.activation)
  },
  WrongVersion("activated after the outer map only") { input in
    let h = affineMap(input.x, input.p.inner)
    return affineMap(dropout(h, input.drop), input.p.outer, activation: input.p.activation)
  },
  WrongVersion("the input is added to the output where it has its width") { input in
    let y = correct(input)
    return y.shape == input.x.shape ? input.x + y : y
  },
  WrongVersion("the mean of all positions goes through") { input in
    var mean = input.x.rows
    let n = mean.shape[0]
    for j in 0..<mean.shape[1] {
      let m = (0..<n).reduce(0) { $0 + mean[$1, j] } / Double(n)
      for i in 0..<n { mean[i, j] = m }
    }
    return feedForward(mean.reshaped(input.x.shape), input.p, dropout: input.drop)
  },
]

private func wrong(
  _ name: String, _ change: @escaping @Sendable (inout Network<Double>) -> Void
) -> WrongVersion<Map> {
  WrongVersion(name, of: correct, given: change)
}
