import Notation
import TestSupport
import Testing

/// A tensor of zeros.
private func zeros(_ shape: Int...) -> Tensor<Float> { Tensor(shape: shape, repeating: 0) }

/// The shape of an attention, for exit tests, whose bodies then fit in a line.
private func shape(
  _ q: Tensor<Float>, _ k: Tensor<Float>, _ v: Tensor<Float>, _ mask: AttentionMask<Float> = .none
) -> AttentionShape {
  AttentionShape(queries: q, keys: k, values: v, mask: mask)
}

@Suite("The extents of an attention are read off its operands")
struct AttentionShapeTests {
  @Test("every extent comes from its own operand")
  func extents() {
    let extents = shape(zeros(2, 3, 4, 5), zeros(2, 3, 6, 5), zeros(2, 3, 6, 7))
    #expect(extents.leading == [2, 3] && extents.groups == 6)
    #expect([extents.n, extents.m, extents.dk, extents.dv] == [4, 6, 5, 7])
    #expect(extents.scores == [2, 3, 4, 6])
    #expect(extents.output == [2, 3, 4, 7])
  }

  @Test("no leading dimension is one attention, and every extent may be 0")
  func degenerate() {
    #expect(shape(zeros(1, 2), zeros(3, 2), zeros(3, 4)).groups == 1)
    let empty = shape(zeros(0, 0, 0), zeros(0, 0, 0), zeros(0, 0, 0))
    #expect(empty.groups == 0 && empty.output == [0, 0, 0])
  }

  @Test("a mask's tensors have the scores' extents, or 1 instead of any")
  func masks() {
    let operands = (zeros(2, 3, 5), zeros(2, 4, 5), zeros(2, 4, 6))
    for extents in [[2, 3, 4], [1, 3, 4], [2, 1, 4], [2, 3, 1], [1, 1, 1]] {
      let mask: AttentionMask<Float> =
        .keep(Tensor(shape: extents, repeating: true))
        && .adding(Tensor(shape: extents, repeating: 0))
      #expect(shape(operands.0, operands.1, operands.2, mask).scores == [2, 3, 4])
    }
  }

  @Test("a shape is described as the sentences show it")
  func description() {
    #expect(described([2, 3, 4]) == "2 × 3 × 4")
    #expect(described([]) == "a single element")
  }

  @Test("queries that are no matrix are refused")
  func queries() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = shape(zeros(4), zeros(3, 4), zeros(3, 4))
    }
    expectSentence("queries must be … × n × dk: got 4", from: result)
  }

  @Test("keys of another width, rank or leading shape are refused")
  func keys() async {
    let width = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = shape(zeros(2, 4), zeros(3, 5), zeros(3, 4))
    }
    expectSentence("keys must be m × 4: got 3 × 5, queries are 2 × 4", from: width)
    let rank = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = shape(zeros(1, 2, 4), zeros(3, 4), zeros(1, 3, 4))
    }
    expectSentence("keys must be 1 × m × 4: got 3 × 4, queries are 1 × 2 × 4", from: rank)
    let heads = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = shape(zeros(8, 2, 4), zeros(1, 3, 4), zeros(8, 3, 4))
    }
    expectSentence("keys must be 8 × m × 4: got 1 × 3 × 4", from: heads)
  }

  @Test("values of another number, rank or leading shape are refused")
  func values() async {
    let number = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = shape(zeros(2, 4), zeros(3, 4), zeros(2, 4))
    }
    expectSentence("values must be 3 × dv: got 2 × 4, keys are 3 × 4", from: number)
    let rank = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = shape(zeros(2, 4), zeros(3, 4), zeros(3))
    }
    expectSentence("values must be 3 × dv: got 3, keys are 3 × 4", from: rank)
  }

  @Test("a mask of another extent or rank is refused, by the tensor's name")
  func wrongMasks() async {
    let keep = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = shape(zeros(2, 4), zeros(3, 4), zeros(3, 4), .keep([[true, true]]))
    }
    expectSentence(
      "a mask's keep must be 2 × 3 with any extent 1 instead: got 1 × 2", from: keep)
    let bias = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = shape(zeros(8, 2, 4), zeros(8, 3, 4), zeros(8, 3, 4), .adding(zeros(2, 3)))
    }
    expectSentence(
      "a mask's bias must be 8 × 2 × 3 with any extent 1 instead: got 2 × 3", from: bias)
  }
}
