import Notation
import TestSupport
import Testing

@Suite("An affine map stores outputs × inputs")
struct AffineMapTests {
  @Test("inputs and outputs are the widths of x and y")
  func widths() {
    let map = AffineMap<Float>(weight: [[1, 2, 3], [4, 5, 6]], bias: [7, 8])
    #expect(map.inputs == 3 && map.outputs == 2)
    #expect(map.bias == [7, 8])
    #expect(AffineMap<Float>(weight: [[1]]).bias == nil)
  }

  @Test("the papers' form is stored transposed")
  func papersForm() {
    let map = AffineMap<Float>(inputsByOutputs: [[1, 4], [2, 5], [3, 6]], bias: [7, 8])
    #expect(map.weight == [[1, 2, 3], [4, 5, 6]])
    #expect(map.inputs == 3 && map.outputs == 2)
  }

  @Test("a weight that is no matrix is refused")
  func weight() async {
    let stored = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = AffineMap<Float>(weight: [1, 2, 3])
    }
    expectSentence("a weight must be outputs × inputs: got 3", from: stored)
    let papers = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = AffineMap<Float>(inputsByOutputs: [[[1], [2]]])
    }
    expectSentence("a weight must be inputs × outputs: got 1 × 2 × 1", from: papers)
  }

  @Test("a bias that has not one element for each output is refused")
  func bias() async {
    let length = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = AffineMap<Float>(weight: [[1, 2, 3], [4, 5, 6]], bias: [1, 2, 3])
    }
    expectSentence("a bias must have 2 elements, one for each output: got 3", from: length)
    let single = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = AffineMap<Float>(inputsByOutputs: [[1], [2]], bias: 0)
    }
    expectSentence(
      "a bias must have 1 elements, one for each output: got a single element", from: single)
  }
}
