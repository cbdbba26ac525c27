import Notation
import TestSupport
import Testing

@Suite("A tensor stores its elements row by row")
struct TensorTests {
  let x: Tensor<Double> = [[1, 2, 3], [4, 5, 6]]
  /// 2 × 3 × 4, each element 100 g + 10 i + j.
  let stack = Tensor(
    shape: [2, 3, 4], storage: (0..<24).map { 100 * ($0 / 12) + 10 * ($0 / 4 % 3) + $0 % 4 })

  @Test("literals nest to any rank, a single element and nothing included")
  func literals() {
    #expect(x.shape == [2, 3] && x.storage == [1, 2, 3, 4, 5, 6])
    let deep: Tensor<Int> = [[[1], [2]], [[3], [4]]]
    #expect(deep.shape == [2, 2, 1] && deep.rank == 3 && deep.count == 4)
    let single: Tensor<Float> = 2.5
    #expect(single.shape == [] && single.storage == [2.5] && single.count == 1)
    let nothing: Tensor<Float> = []
    #expect(nothing.shape == [0] && nothing.count == 0)
    let keep: Tensor<Bool> = [[true, false]]
    #expect(keep.shape == [1, 2] && keep[0, 0] && !keep[0, 1])
  }

  @Test("a tensor can repeat one element, or have none")
  func repeating() {
    #expect(Tensor(shape: [2, 2], repeating: 7) == [[7, 7], [7, 7]])
    #expect(Tensor(shape: [3, 0, 2], repeating: 7).storage == [])
    #expect(Tensor(shape: [], repeating: 7) == 7)
  }

  @Test("tensors are equal when shape and elements are")
  func equality() {
    #expect(x == [[1, 2, 3], [4, 5, 6]])
    #expect(x != x.reshaped([3, 2]))
    #expect(x != [[1, 2, 3], [4, 5, 7]])
  }

  @Test("subscripts read and write one element, the last index fastest")
  func subscripts() {
    for g in 0..<2 {
      for i in 0..<3 { for j in 0..<4 { #expect(stack[g, i, j] == 100 * g + 10 * i + j) } }
    }
    var (v, a, s) = (stack.reshaped([24]), stack.reshaped([6, 4]), stack)
    v[23] = -1
    a[5, 0] = -1
    s[1, 0, 3] = -1
    #expect(v.storage == (stack.storage.dropLast() + [-1]))
    #expect(a.storage.firstIndex(of: -1) == 20)
    #expect(s.storage.firstIndex(of: -1) == 15)
  }

  @Test("a slice is the sub-tensor at an index of the first dimension")
  func slices() {
    #expect(x.slice(1) == [4, 5, 6])
    #expect(x.slice(1).slice(2) == 6)
    #expect(stack.slice(1).shape == [3, 4] && stack.slice(1)[2, 3] == 123)
    #expect(Tensor(shape: [2, 0], repeating: 1).slice(1).shape == [0])
  }

  @Test("another shape keeps the elements and their order")
  func reshaped() {
    #expect(x.reshaped([3, 2]) == [[1, 2], [3, 4], [5, 6]])
    #expect(x.reshaped([1, 6, 1]).storage == x.storage)
  }

  @Test("rows and matrices join all other dimensions into one")
  func joined() {
    #expect(stack.rows.shape == [6, 4] && stack.rows.storage == stack.storage)
    #expect(x.slice(0).rows.shape == [1, 3])
    let deep = stack.reshaped([2, 1, 3, 2, 2])
    #expect(deep.leadingShape == [2, 1, 3])
    #expect(deep.matrices.shape == [6, 2, 2] && deep.matrices.storage == stack.storage)
    #expect(x.leadingShape == [] && x.matrices.shape == [1, 2, 3])
  }

  @Test("transposing exchanges the last two dimensions, and twice changes nothing")
  func transposed() {
    #expect(x.transposed == [[1, 4], [2, 5], [3, 6]])
    #expect(stack.transposed.shape == [2, 4, 3])
    #expect(stack.transposed[1, 3, 2] == stack[1, 2, 3])
    #expect(stack.transposed.transposed == stack)
    #expect(Tensor(shape: [2, 0, 3], repeating: 1).transposed.shape == [2, 3, 0])
  }

  @Test("broadcasting repeats along extents of 1 only")
  func broadcast() {
    let (row, column): (Tensor<Int>, Tensor<Int>) = ([[1, 2, 3]], [[1], [2]])
    #expect(row.broadcast(to: [2, 3]) == [[1, 2, 3], [1, 2, 3]])
    #expect(column.broadcast(to: [2, 3]) == [[1, 1, 1], [2, 2, 2]])
    #expect(row.broadcast(to: [1, 3]) == row)
    #expect(row.broadcast(to: [0, 3]).shape == [0, 3])
    #expect((5 as Tensor<Int>).broadcast(to: []) == 5)
    let middle = Tensor(shape: [2, 1, 2], storage: [1, 2, 3, 4])
    #expect(middle.broadcast(to: [2, 2, 2]) == [[[1, 2], [1, 2]], [[3, 4], [3, 4]]])
  }

  @Test("strides are products of the later extents, and 0 along an extent of 1")
  func strides() {
    #expect(stack.broadcastStrides == [12, 4, 1])
    #expect(Tensor(shape: [2, 1, 3], repeating: 0).broadcastStrides == [3, 0, 1])
    #expect((5 as Tensor<Int>).broadcastStrides == [])
  }

  @Test("an element converted to Float is rounded to nearest, and exact on the way back")
  func conversion() {
    let third: Tensor<Double> = [0.3333333333333333]
    #expect(third.converted(to: Float.self) == [0x1.555556p-2])
    #expect(third.converted(to: Float.self).converted(to: Double.self) == [0x1.555556p-2])
    #expect(x.map { $0 > 3 } == [[false, false, false], [true, true, true]])
  }
}

@Suite("A tensor stops with a sentence rather than guess")
struct TensorPreconditionTests {
  @Test("a number of elements that the shape does not have")
  func count() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor(shape: [2, 3], storage: [1, 2, 3, 4, 5])
    }
    expectSentence("a tensor of shape [2, 3] has 6 elements: got 5", from: result)
  }

  @Test("an extent below 0, though the product of two fits")
  func negativeExtent() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor(shape: [-1, -1], storage: [1])
    }
    expectSentence("no extent may be negative: got [-1, -1]", from: result)
    let repeated = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor(shape: [2, -3], repeating: 1)
    }
    expectSentence("no extent may be negative: got [2, -3]", from: repeated)
  }

  @Test("an index beyond its own dimension, though its place in storage exists")
  func subscripts() async {
    let matrix = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor(shape: [2, 3], repeating: 1)[0, 3]
    }
    expectSentence("element [0, 3] is outside of shape [2, 3]", from: matrix)
    let vector = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor(shape: [2], repeating: 1)[-1]
    }
    expectSentence("element [-1] is outside of shape [2]", from: vector)
    let stack = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor(shape: [2, 3, 4], repeating: 1)[0, 3, 0]
    }
    expectSentence("element [0, 3, 0] is outside of shape [2, 3, 4]", from: stack)
  }

  @Test("a number of indices that is not the rank")
  func rank() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor(shape: [2, 3], repeating: 1)[0]
    }
    expectSentence("element [0] is outside of shape [2, 3]", from: result)
  }

  @Test("a slice that is not there")
  func slices() async {
    let beyond = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor(shape: [2, 3], repeating: 1).slice(2)
    }
    expectSentence("slice 2 is outside of shape [2, 3]", from: beyond)
    let single = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor(shape: [], repeating: 1).slice(0)
    }
    expectSentence("a single element has no slices", from: single)
  }

  @Test("rows of different lengths in a literal")
  func literals() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let ragged: Tensor<Int> = [[1, 2], [3]]
      print(ragged)
    }
    expectSentence("the rows of a literal must have one shape: got [[2], [1]]", from: result)
  }

  @Test("broadcasting along an extent other than 1, or to another rank")
  func broadcast() async {
    let extent = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor(shape: [2, 3], repeating: 1).broadcast(to: [4, 3])
    }
    expectSentence("[2, 3] cannot be broadcast to [4, 3]", from: extent)
    let rank = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor(shape: [3], repeating: 1).broadcast(to: [2, 3])
    }
    expectSentence("[3] cannot be broadcast to [2, 3]", from: rank)
  }

  @Test("rows or matrices of a tensor that has too few dimensions")
  func joined() async {
    let matrices = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor(shape: [3], repeating: 1).transposed
    }
    expectSentence("a stack of matrices needs two dimensions: got [3]", from: matrices)
    let rows = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor(shape: [], repeating: 1).rows
    }
    expectSentence("a matrix of rows needs a dimension: got a single element", from: rows)
  }
}
