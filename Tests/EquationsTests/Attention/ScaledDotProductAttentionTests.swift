import Equations
import ErrorBounds
import Notation
import Specification
import TestSupport
import Testing

/// What is given to an attention.
struct AttentionCase: Sendable {
  var q: Tensor<Double>
  var k: Tensor<Double>
  var v: Tensor<Double>
  var mask = AttentionMask<Double>.none
  var fill = MaskFill.excluded
  var scale = ScoreScale.rootKeyWidth

  var shape: AttentionShape { AttentionShape(queries: q, keys: k, values: v, mask: mask) }
}

typealias Attention = @Sendable (AttentionCase) -> AttentionSteps<Double>

let equation: Attention = {
  scaledDotProductAttentionSteps(
    queries: $0.q, keys: $0.k, values: $0.v, mask: $0.mask, fill: $0.fill, scale: $0.scale)
}

@Suite("Scaled dot-product attention")
struct ScaledDotProductAttentionTests {
  @Test("attention agrees with the golden vectors", arguments: try attentionVectors)
  func golden(_ vector: GoldenCase) throws { try compare(equation, with: vector) }

  @Test(
    "self- and cross-attention agree with the golden vectors",
    arguments: try GoldenCase.all(of: "selfAttention") + GoldenCase.all(of: "crossAttention"))
  func goldenProjected(_ vector: GoldenCase) throws {
    let x = try vector.input("x")!
    let memory = try vector.input("memory")
    func map(_ name: String) throws -> AffineMap<Double> {
      AffineMap(weight: try vector.input(name + "Weight")!, bias: try vector.input(name + "Bias"))
    }
    let maps = AttentionProjections(
      query: try map("query"), key: try map("key"), value: try map("value"))
    let mask = try vector.mask()
    let got =
      if let memory {
        crossAttention(
          x, memory: memory, maps, mask: mask, fill: vector.fill, scale: vector.scale)
      } else {
        selfAttention(x, maps, mask: mask, fill: vector.fill, scale: vector.scale)
      }
    // Projections, scores and sums in Double; no step of a case is larger than 2⁷, and each goes
    // through fewer than 2⁸ roundings.
    let expected = try vector.expected("output")!
    try ErrorGauge(got: got, expected: expected, bound: expected.map { _ in 0x1p-53 * 0x1p15 })
  }

  @Test("the laws of attention hold", arguments: attentionLaws)
  func law(_ law: Law<Attention>) throws { try law.hold(for: equation) }

  @Test("every wrong attention is rejected", arguments: wrongAttentions)
  func wrong(_ version: WrongVersion<Attention>) throws {
    version.expectRejection(by: try attentionVectors, comparedBy: compare, and: attentionLaws)
  }

  @Test("the scales differ where the widths do")
  func scalesDiffer() throws {
    let vector = try #require(try attentionVectors.first { $0.id == "plain" })
    let outputs = try [ScoreScale.rootKeyWidth, .rootModelWidth(64), .factor(1)].map {
      var input = try attentionCase(vector)
      input.scale = $0
      return equation(input).output
    }
    #expect(Set(outputs).count == 3)
  }

  @Test("operands that do not fit stop the program with a sentence")
  func shapes() async throws {
    let keys = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let q: Tensor<Double> = [[1, 2, 3, 4]]
      _ = scaledDotProductAttention(queries: q, keys: [[1, 2, 3]], values: [[1]])
    }
    expectSentence("keys must be m × 4: got 1 × 3, queries are 1 × 4", from: keys)
    let mask = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let q = Tensor<Double>(shape: [2, 2, 4, 3], repeating: 0)
      let keep = Tensor(shape: [2, 1, 4], repeating: true)
      _ = scaledDotProductAttention(queries: q, keys: q, values: q, mask: .keep(keep))
    }
    expectSentence("a mask's keep must be 2 × 2 × 4 × 4", from: mask)
  }
}

var attentionVectors: [GoldenCase] {
  get throws { try GoldenCase.all(of: "scaledDotProductAttention") }
}

func attentionCase(_ vector: GoldenCase) throws -> AttentionCase {
  AttentionCase(
    q: try vector.input("queries")!, k: try vector.input("keys")!,
    v: try vector.input("values")!, mask: try vector.mask(), fill: vector.fill,
    scale: vector.scale)
}

func bounds(_ input: AttentionCase) -> AttentionSteps<Double> {
  scaledDotProductAttentionBounds(
    queries: input.q.finite, keys: input.k.finite, values: input.v.finite, mask: input.mask,
    fill: input.fill, scale: input.scale, in: .equationInDouble)
}

private func compare(_ attention: Attention, with vector: GoldenCase) throws {
  let input = try attentionCase(vector)
  let (got, bound) = (attention(input), bounds(input))
  let steps: [(String, KeyPath<AttentionSteps<Double>, Tensor<Double>>)] = [
    ("scores", \.scores), ("maskedScores", \.maskedScores), ("weights", \.weights),
    ("output", \.output),
  ]
  for (name, step) in steps {
    guard let expected = try vector.expected(name) else { continue }
    try ErrorGauge(got: got[keyPath: step], expected: expected, bound: bound[keyPath: step])
  }
}
