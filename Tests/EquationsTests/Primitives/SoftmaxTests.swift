import Equations
import ErrorBounds
import Foundation
import Notation
import Specification
import TestSupport
import Testing

private typealias Rows = @Sendable (Tensor<Double>) -> Tensor<Double>
private typealias Choice = @Sendable (Tensor<Double>) -> Tensor<Int>

@Suite("Softmax")
struct SoftmaxTests {
  @Test("softmax agrees with the golden vectors", arguments: try vectors)
  func golden(_ vector: GoldenCase) throws { try compare(correct, with: vector) }

  @Test("log-softmax agrees with the golden vectors", arguments: try logVectors)
  func goldenLog(_ vector: GoldenCase) throws { try compareLog(correctLog, with: vector) }

  @Test("the laws of softmax hold", arguments: laws)
  fileprivate func law(_ law: Law<Rows>) throws { try law.hold(for: correct) }

  @Test("the laws of log-softmax hold", arguments: logLaws)
  fileprivate func logLaw(_ law: Law<Rows>) throws { try law.hold(for: correctLog) }

  @Test("every wrong softmax is rejected", arguments: wrongVersions)
  fileprivate func wrong(_ version: WrongVersion<Rows>) throws {
    version.expectRejection(by: try vectors, comparedBy: compare, and: laws)
  }

  @Test("every wrong log-softmax is rejected", arguments: wrongLogVersions)
  fileprivate func wrongLog(_ version: WrongVersion<Rows>) throws {
    version.expectRejection(by: try logVectors, comparedBy: compareLog, and: logLaws)
  }

  @Test("the laws of argmax hold", arguments: choiceLaws)
  fileprivate func choiceLaw(_ law: Law<Choice>) throws { try law.hold(for: correctChoice) }

  @Test("every wrong argmax is rejected", arguments: wrongChoices)
  fileprivate func wrongChoice(_ version: WrongVersion<Choice>) {
    #expect(choiceLaws.contains { $0.rejects(version.implementation) })
  }

  @Test("a weight is exactly zero from a gap of 104 on in Float, of 746 on in Double")
  func underflow() {
    #expect(softmax([0, -103] as Tensor<Float>)[1] > 0)
    #expect(softmax([0, -104] as Tensor<Float>)[1] == 0)
    #expect(softmax([0, -745] as Tensor<Double>)[1] > 0)
    #expect(softmax([0, -746] as Tensor<Double>)[1] == 0)
  }

  @Test("rows that are none or empty stop the program with a sentence")
  func shapes() async throws {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = softmax(1 as Tensor<Double>) }
    expectSentence(
      "softmax needs a dimension to sum over: got a single element", from: result)
    let log = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = logSoftmax(1 as Tensor<Double>) }
    expectSentence(
      "logSoftmax needs a dimension to sum over: got a single element", from: log)
    let choice = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = argmax(Tensor<Double>(shape: [2, 0], repeating: 0)) }
    expectSentence("argmax needs an element to choose: got 2 × 0", from: choice)
  }
}

private var vectors: [GoldenCase] { get throws { try GoldenCase.all(of: "softmax") } }
private var logVectors: [GoldenCase] { get throws { try GoldenCase.all(of: "logSoftmax") } }
private let correct: Rows = { softmax($0) }
private let correctLog: Rows = { logSoftmax($0) }
private let correctChoice: Choice = { argmax($0) }

private func compare(_ softmax: Rows, with vector: GoldenCase) throws {
  let z = try vector.input("x")!
  try ErrorGauge(
    got: softmax(z), expected: try vector.expected("output")!,
    bound: softmaxBound(z, in: .equationInDouble))
}

private func compareLog(_ logSoftmax: Rows, with vector: GoldenCase) throws {
  let z = try vector.input("x")!
  try ErrorGauge(
    got: logSoftmax(z), expected: try vector.expected("output")!,
    bound: logSoftmaxBound(z, in: .equationInDouble))
}

// MARK: - Laws

private let laws: [Law<Rows>] = [
  Law("weights are positive, sum to 1 and ignore a constant") { softmax, draw in
    let z = draw.logits()
    let (p, bound) = (softmax(z), softmaxBound(z, in: .equationInDouble))
    for i in 0..<p.shape[0] {
      let row = p.slice(i).storage
      try expect(row.allSatisfy { $0 > 0 }, "a weight of row \(i) is not positive")
      let error = abs(row.reduce(0, +) - 1)
      let allowed = bound.slice(i).storage.reduce(0, +) + 0x1p-53 * Double(row.count)
      try expect(error <= allowed, "row \(i) sums to 1 with an error of \(error)")
    }
    let c = Double(draw.integer("c", in: -1000...1000))
    let moved = z.map { $0 + c }
    let movedBound = softmaxBound(moved, in: .equationInDouble)
    try ErrorGauge(
      got: softmax(moved), expected: p,
      bound: Tensor(
        shape: z.shape, storage: zip(bound.storage, movedBound.storage).map(+)))
  },
  Law("the ratio of two weights is the exponential of their logits' difference") { softmax, draw in
    let z = draw.logits()
    let p = softmax(z)
    for i in 0..<z.shape[0] {
      for j in 1..<z.shape[1] {
        let (difference, logRatio) = (z[i, j] - z[i, 0], log(p[i, j]) - log(p[i, 0]))
        try expect(
          abs(difference - logRatio) <= 0x1p-48 * (1 + abs(difference)),
          "element \(i), \(j): \(difference) became \(logRatio)")
      }
    }
  },
  Law("softmax keeps the order of its logits") { softmax, draw in
    let z = draw.logits()
    let p = softmax(z)
    for i in 0..<z.shape[0] {
      for j in 1..<z.shape[1] where z[i, j] > z[i, j - 1] {
        try expect(p[i, j] > p[i, j - 1], "element \(i), \(j)")
      }
    }
  },
]

private let logLaws: [Law<Rows>] = [
  Law("the exponential of log-softmax is softmax, and its logits come back") { logSoftmax, draw in
    // Below 2¹¹ a rounding is at most 2⁻⁴², and each entry goes through four.
    let spread = Double(draw.element("spread", of: [1, 100]))
    let z = draw.logits(upTo: 900).map { $0 * spread }
    let logP = logSoftmax(z)
    for i in 0..<z.shape[0] {
      let sum = (0..<z.shape[1]).reduce(0) { $0 + exp(logP[i, $1]) }
      try expect(
        abs(sum - 1) <= 0x1p-40 * Double(z.shape[1]), "row \(i) sums to \(sum)")
      for j in 1..<z.shape[1] {
        let error = abs((logP[i, j] - logP[i, 0]) - (z[i, j] - z[i, 0]))
        try expect(error <= 0x1p-40, "element \(i), \(j) is off by \(error)")
      }
    }
  }
]

private let choiceLaws: [Law<Choice>] = [
  Law("no element is larger than the chosen one, and none before it as large") { argmax, draw in
    // Small integers are often equal.
    let shape = [draw.integer("g", in: 1...2), draw.size("n", upTo: 4)]
    let m = draw.size("m", from: 1, upTo: 6)
    let z = draw.integerTensor("z", shape + [m], magnitude: 2).converted(to: Double.self)
    let choices = argmax(z)
    try expect(choices.shape == shape, "the shape is \(choices.shape)")
    for (i, j) in choices.storage.enumerated() {
      let row = z.rows.slice(i).storage
      try expect(j == row.firstIndex(of: row.max()!), "\(j) is chosen of \(row)")
    }
  },
  Law("NaN is chosen before any number, the first if there are several") { argmax, draw in
    var row = draw.logits().slice(0)
    let nans = [
      draw.integer("first", in: 0...row.count - 1), draw.integer("second", in: 0...row.count - 1),
    ]
    for j in nans { row[j] = .nan }
    try expect(argmax(row).storage == [nans.min()!], "\(argmax(row).storage) is chosen")
  },
  Law("the largest logit has the largest weight") { argmax, draw in
    let z = draw.logits()
    let p = softmax(z)
    for (i, j) in argmax(z).storage.enumerated() {
      try expect(p[i, j] == p.slice(i).storage.max()!, "row \(i)")
    }
  },
]

extension Draw {
  /// Logits in general position, somewhere between −limit and limit.
  fileprivate func logits(upTo limit: Int = 90) -> Tensor<Double> {
    let shape = [size("n", from: 1, upTo: 5), size("m", from: 1, upTo: 9)]
    let shift = Double(integer("around", in: -limit...limit))
    return tensor("z", shape, .ordinary).converted(to: Double.self).map { $0 + shift }
  }
}

// MARK: - Wrong versions

private let wrongVersions: [WrongVersion<Rows>] = [
  WrongVersion("no shift by the maximum, in Float") { z in
    byRow(z) { row in
      let e = row.map { exp(Float($0)) }
      let sum = e.reduce(0, +)
      return e.map { Double($0 / sum) }
    }
  },
  WrongVersion("softmax over the other axis") { z in
    z.rank < 2 ? z : softmax(z.transposed).transposed
  },
  WrongVersion("powers of two instead of e") { z in
    byRow(z) { row in
      let maximum = row.max() ?? 0
      let e = row.map { exp2($0 - maximum) }
      let sum = e.reduce(0, +)
      return e.map { $0 / sum }
    }
  },
  WrongVersion("not divided by the sum") { z in
    byRow(z) { row in
      let maximum = row.max() ?? 0
      return row.map { exp($0 - maximum) }
    }
  },
  WrongVersion("the maximum counted twice in the sum") { z in
    byRow(z) { row in
      let maximum = row.max() ?? 0
      let e = row.map { exp($0 - maximum) }
      return e.map { $0 / (e.reduce(0, +) + 1) }
    }
  },
  WrongVersion("softmin") { z in softmax(z.map { -$0 }) },
  WrongVersion("one sum for all rows") { z in softmax(z.reshaped([z.count])).reshaped(z.shape) },
]

private let wrongLogVersions: [WrongVersion<Rows>] = [
  WrongVersion("the logarithm of a softmax that underflows") { z in softmax(z).map { log($0) } },
  WrongVersion("the maximum not added back") { z in
    byRow(z) { row in
      let maximum = row.max() ?? 0
      let logSum = log(row.reduce(0) { $0 + exp($1 - maximum) })
      return row.map { $0 - logSum }
    }
  },
  WrongVersion("the logarithm to base 10") { z in logSoftmax(z).map { $0 * log10(M_E) } },
]

private let wrongChoices: [WrongVersion<Choice>] = [
  wrong("the smallest") { row in row.firstIndex(of: row.min()!)! },
  wrong("the last among equals") { row in row.lastIndex(of: row.max()!) ?? 0 },
  wrong("NaN loses against numbers") { row in
    row.firstIndex(of: row.filter { !$0.isNaN }.max() ?? 0) ?? 0
  },
  wrong("the last NaN") { row in
    row.lastIndex { $0.isNaN } ?? row.firstIndex(of: row.max()!)!
  },
  wrong("the largest size") { row in
    let sizes = row.map { abs($0) }
    return sizes.firstIndex(of: sizes.max()!) ?? 0
  },
  wrong("counted from 1") { row in row.firstIndex(of: row.max()!).map { $0 + 1 } ?? 1 },
  WrongVersion("over the rows, not within them") { z in
    z.rank < 2 || z.shape[z.rank - 2] != z.shape[z.rank - 1] ? argmax(z) : argmax(z.transposed)
  },
  WrongVersion("one choice for all rows") { z in
    Tensor(
      shape: Array(z.shape.dropLast()),
      storage: (0..<z.rows.shape[0]).map { _ in argmax(z.reshaped([z.count])).storage[0] })
  },
]

private func wrong(
  _ name: String, _ choose: @escaping @Sendable ([Double]) -> Int
) -> WrongVersion<Choice> {
  WrongVersion(name) { z in
    Tensor(
      shape: Array(z.shape.dropLast()),
      storage: (0..<z.rows.shape[0]).map { choose(z.rows.slice($0).storage) })
  }
}

private func byRow(
  _ z: Tensor<Double>, _ transform: ([Double]) -> [Double]
) -> Tensor<Double> {
  let rows = z.rows
  return Tensor(
    shape: z.shape, storage: (0..<rows.shape[0]).flatMap { transform(rows.slice($0).storage) })
}
