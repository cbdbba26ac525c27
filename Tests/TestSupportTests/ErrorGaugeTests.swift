import Notation
import TestSupport
import Testing

/// The vector of some elements; a tensor's literal takes literals only.
private func vector<Element>(_ elements: [Element]) -> Tensor<Element> {
  Tensor(shape: [elements.count], storage: elements)
}

/// The gauge of three vectors.
private func gauge(
  got: [Double], expected: [Double], bound: [Double]
) throws -> ErrorGauge {
  try ErrorGauge(got: vector(got), expected: vector(expected), bound: vector(bound))
}

@Suite("The error gauge passes what is within its bound, and nothing else")
struct ErrorGaugeTests {
  @Test("the largest error ÷ bound is reported with its index")
  func largest() throws {
    let got: Tensor<Float> = [[1, 2, 3], [4, 5.5, 6.25]]
    let expected: Tensor<Double> = [[1, 2, 3], [4, 5, 6]]
    let gauge = try ErrorGauge(got: got, expected: expected, bound: [[0, 0, 0], [1, 2, 0.5]])
    #expect(gauge.ratio == 0.5)
    #expect(gauge.index == [1, 2])
  }

  @Test("no error is ratio 0, whatever the bound")
  func noError() throws {
    let x = [0, -0.0, 3, .infinity, -.infinity, .nan]
    #expect(try gauge(got: x, expected: x, bound: [0, 0, 1, 0, .infinity, 0]).ratio == 0)
    #expect(try gauge(got: [0], expected: [-0.0], bound: [0]).ratio == 0)
  }

  @Test("a tensor without elements has no error, and a single element the index []")
  func extremeShapes() throws {
    let empty = Tensor<Double>(shape: [0, 3], storage: [])
    let ofNothing = try ErrorGauge(got: empty, expected: empty, bound: empty)
    #expect(ofNothing.ratio == 0 && ofNothing.index == [])
    let (two, one): (Tensor<Float>, Tensor<Double>) = (2, 1)
    let ofOne = try ErrorGauge(got: two, expected: one, bound: 4)
    #expect(ofOne.ratio == 0.25 && ofOne.index == [])
  }

  @Test(
    "what is wrong fails",
    arguments: [
      (1, 1.25, 0.125), (1, 1.25, 0), (1, 1.25, .nan), (1, 1, .nan), (1, 1, -1),
      (.nan, 1, 1), (1, .nan, 1), (.nan, 1, .infinity), (.nan, .infinity, .infinity),
      (.infinity, 1, .infinity), (1, .infinity, .infinity), (-.infinity, .infinity, .infinity),
      (1e38, -1e308, 1e307), (0, 0x1p-1074, 0),
    ] as [(Double, Double, Double)])
  func wrong(got: Double, expected: Double, bound: Double) {
    let (t, b) = (vector([0, expected]), vector([0, bound]))
    #expect(throws: ElementMismatch.self) {
      try ErrorGauge(got: vector([0, got]), expected: t, bound: b)
    }
    #expect(throws: ElementMismatch.self) {
      try ErrorGauge(got: vector([0, Float(got)]), expected: t, bound: b)
    }
  }

  @Test("an error that equals its bound passes with ratio 1, a greater one fails")
  func atBound() throws {
    #expect(try gauge(got: [1.5], expected: [1], bound: [0.5]).ratio == 1)
    #expect(throws: ElementMismatch.self) {
      try gauge(got: [1.5], expected: [1], bound: [Double(0.5).nextDown])
    }
  }

  @Test("a mismatch names the worst element and counts the others")
  func description() throws {
    let (got, expected): (Tensor<Float>, Tensor<Double>) = (
      [[1, 2.5], [3.75, 4]], [[1, 2], [3, 4]]
    )
    let mismatch = try #require(throws: ElementMismatch.self) {
      try ErrorGauge(got: got, expected: expected, bound: [[1, 0.25], [0.25, 1]])
    }
    #expect(
      mismatch.description
        == "element [1, 0] is 3.75 instead of 3.0: error 0.75, bound 0.25; "
        + "2 of 4 elements are wrong")
  }

  @Test("NaN outranks every finite error, and an error above its bound every one within")
  func rank() throws {
    let nan = try #require(throws: ElementMismatch.self) {
      try gauge(got: [9, .nan], expected: [1, 2], bound: [1, 1])
    }
    #expect(nan.index == [1] && nan.error.isNaN)
    let justAbove = try #require(throws: ElementMismatch.self) {
      try gauge(got: [1, 1], expected: [0, 0], bound: [1, Double(1).nextDown])
    }
    #expect(justAbove.index == [1])
    for noBound in [Double.nan, -1, 0] {
      let mismatch = try #require(throws: ElementMismatch.self) {
        try gauge(got: [9, 1, 9], expected: [1, 2, 1], bound: [1, noBound, 1])
      }
      #expect(mismatch.index == [1])
    }
  }

  @Test("other shapes fail, the bound's too")
  func shapes() {
    let (x, y): (Tensor<Double>, Tensor<Double>) = ([[1, 2]], [[1], [2]])
    #expect {
      try ErrorGauge(got: x, expected: y, bound: y)
    } throws: {
      "\($0)".hasPrefix("the shape is 1 × 2 instead of 2 × 1")
    }
    #expect(throws: (any Error).self) { try ErrorGauge(got: x, expected: x, bound: y) }
  }

  @Test("the same bits are the same, NaN included; zeros of other sign are not")
  func bits() throws {
    let x = vector([0, -0.0, .nan, 1] as [Float])
    try expectSameBits(x, x)
    #expect {
      try expectSameBits([[0, 1]], [[-0.0, 1]])
    } throws: {
      "\($0)".hasPrefix("element [0, 0] is 0.0, bits 0, instead of -0.0, bits 80000000")
    }
    #expect(throws: (any Error).self) { try expectSameBits([1, 2], [[1, 2]]) }
    #expect(throws: (any Error).self) {
      try expectSameBits(vector([1, 2]), vector([1, Float(2).nextUp]))
    }
  }
}
