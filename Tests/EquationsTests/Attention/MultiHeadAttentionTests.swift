import Equations
import ErrorBounds
import Notation
import Specification
import TestSupport
import Testing

/// What is given to a multi-head attention.
struct MultiHeadCase<S: Scalar>: Sendable {
  var x: Tensor<S>
  var y: Tensor<S>
  var z: Tensor<S>
  var p: MultiHeadAttention<S>
  var mask = AttentionMask<S>.none
  var fill = MaskFill.excluded
  var scale = ScoreScale.rootKeyWidth

  func converted<T: Scalar>(to type: T.Type = T.self) -> MultiHeadCase<T> {
    MultiHeadCase<T>(
      x: x.converted(), y: y.converted(), z: z.converted(), p: p.converted(),
      mask: mask.converted(), fill: fill, scale: scale)
  }
}

/// What is given to document 000's `SelfAttention`.
struct SharedHeadCase<S: Scalar>: Sendable {
  var x: Tensor<S>
  var y: Tensor<S>
  var z: Tensor<S>
  var p: SharedHeadAttention<S>
  var mask = AttentionMask<S>.none

  func converted<T: Scalar>(to type: T.Type = T.self) -> SharedHeadCase<T> {
    SharedHeadCase<T>(
      x: x.converted(), y: y.converted(), z: z.converted(), p: p.converted(),
      mask: mask.converted())
  }
}

typealias MultiHead<S: Scalar> = @Sendable (MultiHeadCase<S>) -> MultiHeadAttentionSteps<S>
typealias SharedHead<S: Scalar> = @Sendable (SharedHeadCase<S>) -> MultiHeadAttentionSteps<S>
typealias Split<S: Scalar> = @Sendable (Tensor<S>, _ heads: Int) -> Tensor<S>
typealias Concatenate<S: Scalar> = @Sendable (Tensor<S>) -> Tensor<S>

func multiHead<S: Scalar>(_ input: MultiHeadCase<S>) -> MultiHeadAttentionSteps<S> {
  multiHeadAttentionSteps(
    queries: input.x, keys: input.y, values: input.z, input.p, mask: input.mask,
    fill: input.fill, scale: input.scale)
}

func sharedHead<S: Scalar>(_ input: SharedHeadCase<S>) -> MultiHeadAttentionSteps<S> {
  sharedHeadAttention(
    values: input.z, keys: input.y, queries: input.x, input.p, mask: input.mask)
}

let split: Split<Double> = { splitHeads($0, heads: $1) }
let concatenate: Concatenate<Double> = { concatenateHeads($0) }

@Suite("Multi-head attention")
struct MultiHeadAttentionTests {
  @Test("multi-head attention agrees with the golden vectors", arguments: try vectors)
  func golden(_ vector: GoldenCase) throws { try compare(multiHead, with: vector) }

  @Test("multi-head attention in Float agrees with the golden vectors", arguments: try vectors)
  func goldenInFloat(_ vector: GoldenCase) throws {
    let steps = multiHead(try multiHeadCase(vector).converted(to: Float.self))
    try vector.check(steps.byName.mapValues { $0.converted() }, unit: 0x1p-24)
  }

  @Test("attention with a shared head agrees with the golden vectors", arguments: try sharedVectors)
  func goldenShared(_ vector: GoldenCase) throws { try compareShared(sharedHead, with: vector) }

  @Test(
    "attention with a shared head in Float agrees with the golden vectors",
    arguments: try sharedVectors)
  func goldenSharedInFloat(_ vector: GoldenCase) throws {
    let steps = sharedHead(try sharedHeadCase(vector).converted(to: Float.self))
    try vector.check(steps.byName.mapValues { $0.converted() }, unit: 0x1p-24)
  }

  @Test("splitting agrees with the golden vectors", arguments: try splitVectors)
  func goldenSplit(_ vector: GoldenCase) throws { try compareSplit(split, with: vector) }

  @Test("concatenating agrees with the golden vectors", arguments: try concatenationVectors)
  func goldenConcatenation(_ vector: GoldenCase) throws {
    try compareConcatenation(concatenate, with: vector)
  }

  @Test("the laws of multi-head attention hold", arguments: multiHeadLaws)
  func law(_ law: Law<MultiHead<Double>>) throws { try law.hold(for: multiHead) }

  @Test("the laws of attention with a shared head hold", arguments: sharedHeadLaws)
  func sharedLaw(_ law: Law<SharedHead<Double>>) throws { try law.hold(for: sharedHead) }

  @Test("the laws of splitting hold", arguments: splitLaws)
  func splitLaw(_ law: Law<Split<Double>>) throws { try law.hold(for: split) }

  @Test("the laws of concatenating hold", arguments: concatenationLaws)
  func concatenationLaw(_ law: Law<Concatenate<Double>>) throws { try law.hold(for: concatenate) }

  @Test("every wrong multi-head attention is rejected", arguments: wrongMultiHeads)
  func wrong(_ version: WrongVersion<MultiHead<Double>>) throws {
    version.expectRejection(by: try vectors, comparedBy: compare, and: multiHeadLaws)
  }

  @Test("every wrong attention with a shared head is rejected", arguments: wrongSharedHeads)
  func wrongShared(_ version: WrongVersion<SharedHead<Double>>) throws {
    version.expectRejection(by: try sharedVectors, comparedBy: compareShared, and: sharedHeadLaws)
  }

  @Test("every wrong split is rejected", arguments: wrongSplits)
  func wrongSplit(_ version: WrongVersion<Split<Double>>) throws {
    version.expectRejection(by: try splitVectors, comparedBy: compareSplit, and: splitLaws)
  }

  @Test("every wrong concatenation is rejected", arguments: wrongConcatenations)
  func wrongConcatenation(_ version: WrongVersion<Concatenate<Double>>) throws {
    version.expectRejection(
      by: try concatenationVectors, comparedBy: compareConcatenation, and: concatenationLaws)
  }
}

private var vectors: [GoldenCase] { get throws { try GoldenCase.all(of: "multiHeadAttention") } }
private var sharedVectors: [GoldenCase] {
  get throws { try GoldenCase.all(of: "sharedHeadAttention") }
}
private var splitVectors: [GoldenCase] { get throws { try GoldenCase.all(of: "splitHeads") } }
private var concatenationVectors: [GoldenCase] {
  get throws { try GoldenCase.all(of: "concatenateHeads") }
}

private func multiHeadCase(_ vector: GoldenCase) throws -> MultiHeadCase<Double> {
  func map(_ name: String) throws -> AffineMap<Double> {
    AffineMap(weight: try vector.input(name + "Weight")!, bias: try vector.input(name + "Bias"))
  }
  return MultiHeadCase(
    x: try vector.input("queries")!, y: try vector.input("keys")!,
    z: try vector.input("values")!,
    p: MultiHeadAttention(
      query: try map("query"), key: try map("key"), value: try map("value"),
      output: try map("output"), heads: vector.attributes.integer("heads")!),
    mask: try vector.mask(), fill: vector.fill, scale: vector.scale)
}

private func sharedHeadCase(_ vector: GoldenCase) throws -> SharedHeadCase<Double> {
  SharedHeadCase(
    x: try vector.input("queries")!, y: try vector.input("keys")!,
    z: try vector.input("values")!,
    p: SharedHeadAttention(
      query: try vector.input("queryWeight")!, key: try vector.input("keyWeight")!,
      value: try vector.input("valueWeight")!,
      output: AffineMap(
        weight: try vector.input("outputWeight")!, bias: try vector.input("outputBias")),
      heads: vector.attributes.integer("heads")!),
    mask: try vector.mask())
}

private func compare(_ attention: MultiHead<Double>, with vector: GoldenCase) throws {
  try vector.check(attention(try multiHeadCase(vector)).byName)
}

private func compareShared(_ attention: SharedHead<Double>, with vector: GoldenCase) throws {
  try vector.check(attention(try sharedHeadCase(vector)).byName)
}

private func compareSplit(_ split: Split<Double>, with vector: GoldenCase) throws {
  try vector.check([
    "output": split(try vector.input("x")!, vector.attributes.integer("heads")!)
  ])
}

private func compareConcatenation(
  _ concatenate: Concatenate<Double>, with vector: GoldenCase
) throws { try vector.check(["output": concatenate(try vector.input("x")!)]) }

extension MultiHeadAttentionSteps {
  /// Every step under its name in the golden vectors.
  var byName: [String: Tensor<S>] {
    [
      "queryHeads": queryHeads, "keyHeads": keyHeads, "valueHeads": valueHeads,
      "scores": attention.scores, "maskedScores": attention.maskedScores,
      "weights": attention.weights, "heads": attention.output, "concatenated": concatenated,
      "output": output,
    ]
  }
}

extension MultiHeadAttention<Double> {
  /// Maps of one width with biases, drawn from a stream.
  static func normal(width: Int, heads: Int, from stream: inout RandomStream) -> Self {
    func map() -> AffineMap<Double> {
      AffineMap(
        weight: .normal([width, width], from: &stream), bias: .normal([width], from: &stream))
    }
    return Self(query: map(), key: map(), value: map(), output: map(), heads: heads)
  }
}

extension Tensor {
  /// One head of … × h × rows × columns.
  func head(_ i: Int) -> Tensor {
    let h = shape[rank - 3]
    let stack = matrices
    let slices = stride(from: i, to: stack.shape[0], by: h).map { stack.slice($0).storage }
    return Tensor(shape: shape.dropLast(3) + shape.suffix(2), storage: slices.flatMap { $0 })
  }
}
