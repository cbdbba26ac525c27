import Equations
import ErrorBounds
import Foundation
import Notation
import Specification
import TestSupport
import Testing

private typealias Drop = @Sendable (Tensor<Double>, Dropout) -> Tensor<Double>

private let correct: Drop = { dropout($0, $1) }

@Suite("Dropout")
struct DropoutTests {
  @Test("dropout agrees with the golden vectors", arguments: try vectors)
  func golden(_ vector: GoldenCase) throws { try compare(correct, with: vector) }

  @Test("dropout in Float agrees with the golden vectors", arguments: try vectors)
  func goldenInFloat(_ vector: GoldenCase) throws {
    let (x, drop) = (try vector.input("x")!, vector.dropout)
    try vector.check(
      ["output": dropout(x.converted(to: Float.self), drop).converted()], unit: 0x1p-24)
  }

  @Test("what is kept agrees with the golden vectors to the last element", arguments: try vectors)
  func goldenMask(_ vector: GoldenCase) throws {
    let keep = try #require(try vector.expectedFlags("keep"))
    #expect(dropoutMask(shape: keep.shape, vector.dropout) == keep)
  }

  @Test("the laws of dropout hold", arguments: laws)
  fileprivate func law(_ law: Law<Drop>) throws { try law.hold(for: correct) }

  @Test("every wrong dropout is rejected", arguments: wrongVersions)
  fileprivate func wrong(_ version: WrongVersion<Drop>) throws {
    version.expectRejection(by: try vectors, comparedBy: compare, and: laws)
  }

  @Test("a word is the same alone as in its stream")
  func words() {
    for seed: UInt64 in [0, 7, 1 << 31, .max] {
      var stream = SplitMix64(seed: seed)
      for i in 0..<100 { #expect(SplitMix64.word(i, seed: seed) == stream.next()) }
    }
  }

  @Test("a site has a word as its seed, and drops by a stream of its own")
  func sites() {
    let drop = Dropout(probability: 0.5, seed: 7)
    var stream = SplitMix64(seed: 7)
    let (sites, count) = (8, 20_000)
    let masks = (0..<sites).map { index in
      let site = drop.site(index)
      #expect(site.seed == stream.next() && site.probability == 0.5)
      return dropoutMask(shape: [count], site).storage
    }
    // Two independent streams agree in half of their decisions; 28 pairs are looked at.
    let bound = deviation(of: count, failing: 1e-9 / 28) / Double(count)
    for (i, a) in masks.enumerated() {
      for b in masks[..<i] {
        let agreeing = Double(zip(a, b).count { $0 == $1 }) / Double(count)
        #expect(abs(agreeing - 0.5) <= bound)
      }
    }
  }

  @Test("a probability outside of 0 … 1 stops the program with a sentence")
  func probabilities() async {
    let large = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = Dropout(probability: 1.5, seed: 0) }
    expectSentence("a probability must lie in 0 … 1: got 1.5", from: large)
    let undefined = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = Dropout(probability: .nan, seed: 0) }
    expectSentence("a probability must lie in 0 … 1: got nan", from: undefined)
  }
}

private var vectors: [GoldenCase] { get throws { try GoldenCase.all(of: "dropout") } }

private func compare(_ drop: Drop, with vector: GoldenCase) throws {
  try vector.check(["output": drop(try vector.input("x")!, vector.dropout)])
}

extension GoldenCase {
  /// What is dropped.
  var dropout: Dropout {
    Dropout(
      probability: attributes.number("probability")!, seed: UInt64(attributes.integer("seed")!))
  }
}

// MARK: - Laws

private let laws: [Law<Drop>] = [
  Law("a kept element is divided by 1 − p, a dropped one is 0") { drop, draw in
    let (x, dropout) = (draw.dropped(.ordinary), draw.dropout())
    let expected = droppedByHand(x.tracked, dropout)
    try ErrorGauge(
      got: drop(x, dropout), expected: expected.map(\.value), bound: expected.bounds.map { 2 * $0 })
  },
  Law("what is dropped is 0 even if it was NaN or infinite") { drop, draw in
    let (x, dropout) = (draw.dropped(.any), draw.dropout())
    let y = drop(x, dropout)
    for (i, isKept) in kept(x.count, dropout).enumerated() {
      let (x, y) = (x.storage[i], y.storage[i])
      try expect(isKept ? x.isNaN == y.isNaN : y == 0, "element \(i) is \(y)")
    }
  },
  Law("p = 0 changes nothing, and p = 1 leaves nothing") { drop, draw in
    let (x, seed) = (draw.dropped(.any), draw.seed())
    let (same, nothing) = (
      drop(x, Dropout(probability: 0, seed: seed)), drop(x, Dropout(probability: 1, seed: seed))
    )
    try ErrorGauge(got: same, expected: x, bound: x.map { _ in 0 })
    try expect(nothing.storage.allSatisfy { $0 == 0 }, "something is left")
  },
  Law("an element whose number is p itself is kept") { drop, draw in
    let (x, seed) = (draw.dropped(.ordinary).map { _ in 1.0 }, draw.seed())
    try draw.require(x.count > 0)
    let i = draw.integer("element", in: 0...x.count - 1)
    let p = uniform(i + 1, seed)[i]
    try expect(drop(x, Dropout(probability: p, seed: seed)).storage[i] > 0, "it is dropped")
  },
  Law("whether an element is dropped depends on its index alone") { drop, draw in
    let (x, dropout) = (draw.dropped(.ordinary), draw.dropout())
    let row = drop(x.reshaped([x.count]), dropout)
    try expect(drop(x, dropout).storage == row.storage, "it depends on the shape")
    let half = x.count / 2
    let start = drop(Tensor(shape: [half], storage: Array(x.storage[..<half])), dropout)
    try expect(start.storage == Array(row.storage[..<half]), "it depends on what comes later")
    let ones = drop(x.map { _ in 1 }, dropout)
    for (i, one) in ones.storage.enumerated() where x.storage[i] != 0 {
      try expect((one == 0) == (row[i] == 0), "element \(i) is dropped or kept by what it is")
    }
  },
  Law("the mean stays", cases: 20) { drop, draw in
    let (dropout, count) = (draw.dropout(), 4096)
    let x = Tensor(shape: [count], repeating: 1.0)
    let mean = drop(x, dropout).storage.reduce(0, +) / Double(count)
    // Each element is 0 or 1 / (1 − p).
    let bound = deviation(of: count, failing: 1e-9) / (Double(count) * (1 - dropout.probability))
    try expect(abs(mean - 1) <= bound, "the mean of ones is \(mean)")
  },
]

/// How far a sum of independent numbers in 0 … 1 may be from its mean, unless something of the
/// probability given has happened.
///
/// Source: W. Hoeffding, "Probability inequalities for sums of bounded random variables", 1963.
func deviation(of count: Int, failing probability: Double) -> Double {
  (Double(count) * log(2 / probability) / 2).squareRoot()
}

/// The first numbers of a seed, one after the other.
func uniform(_ count: Int, _ seed: UInt64) -> [Double] {
  var stream = SplitMix64(seed: seed)
  return (0..<count).map { _ in Double(stream.next() >> 40) * 0x1p-24 }
}

/// Which of the first elements are kept.
private func kept(_ count: Int, _ drop: Dropout) -> [Bool] {
  uniform(count, drop.seed).map { $0 >= drop.probability }
}

/// Dropout, element by element along the stream.
func droppedByHand<S: Scalar>(_ x: Tensor<S>, _ drop: Dropout) -> Tensor<S> {
  let rest = S(1 - drop.probability)
  return Tensor(
    shape: x.shape,
    storage: zip(x.storage, kept(x.count, drop)).map { x, isKept in isKept ? x / rest : 0 })
}

extension Draw {
  fileprivate func dropped(_ values: Values) -> Tensor<Double> {
    tensor("x", [integer("g", in: 1...2), size("n", upTo: 5), size("m", upTo: 7)], values)
      .converted()
  }

  func dropout() -> Dropout {
    Dropout(probability: element("p", of: [0.5, 0.25, 0.1, 0.9]), seed: seed())
  }

  fileprivate func seed() -> UInt64 {
    UInt64(bitPattern: Int64(integer("seed", in: -1000...1000)))
  }
}

// MARK: - Wrong versions

private let wrongVersions: [WrongVersion<Drop>] = [
  WrongVersion("nothing is dropped") { x, _ in x },
  wrong("what is kept stays as it is") { _, x in x },
  wrong("what is kept is multiplied by 1 − p") { p, x in x * (1 - p) },
  wrong("what is kept is divided by p") { p, x in x / p },
  WrongVersion("p is the share that is kept") { x, drop in
    correct(x, Dropout(probability: 1 - drop.probability, seed: drop.seed))
  },
  WrongVersion("what should be kept is dropped") { x, drop in
    dropped(x, drop) { i in !drop.keeps(i) }
  },
  WrongVersion("an element whose number is p is dropped") { x, drop in
    dropped(x, drop) { SplitMix64.uniform($0, seed: drop.seed) > drop.probability }
  },
  WrongVersion("the words begin with the second") { x, drop in
    dropped(x, drop) { drop.keeps($0 + 1) }
  },
  WrongVersion("the words begin with the seed unchanged") { x, drop in
    dropped(x, drop) { drop.keeps($0 - 1) }
  },
  WrongVersion("the lower bits of the words") { x, drop in
    dropped(x, drop) {
      let bits = SplitMix64.word($0, seed: drop.seed) & 0xFF_FFFF
      return Double(bits) * 0x1p-24 >= drop.probability
    }
  },
  WrongVersion("the words of xoshiro256**") { x, drop in
    var stream = RandomStream(seed: drop.seed)
    let numbers: [Double] = (0..<x.count).map { _ in stream.uniform() }
    return dropped(x, drop) { numbers[$0] >= drop.probability }
  },
  WrongVersion("the words of the next seed") { x, drop in
    dropped(x, drop) { Dropout(probability: drop.probability, seed: drop.seed &+ 1).keeps($0) }
  },
  WrongVersion("column by column") { x, drop in
    guard x.rank == 2 || x.rank == 3 else { return correct(x, drop) }
    return correct(x.transposed, drop).transposed
  },
  WrongVersion("every row drops the same") { x, drop in
    dropped(x, drop) { drop.keeps($0 % max(x.shape[x.rank - 1], 1)) }
  },
  WrongVersion("whole rows are dropped") { x, drop in
    dropped(x, drop) { drop.keeps($0 / max(x.shape[x.rank - 1], 1)) }
  },
  WrongVersion("multiplied by a mask of zeros and ones") { x, drop in
    let mask = dropoutMask(shape: x.shape, drop)
    return Tensor(
      shape: x.shape,
      storage: zip(x.storage, mask.storage).map { $0 * (($1 ? 1 : 0) / (1 - drop.probability)) })
  },
]

/// Dropout that keeps other elements.
private func dropped(
  _ x: Tensor<Double>, _ drop: Dropout, _ keeps: (Int) -> Bool
) -> Tensor<Double> {
  if drop.probability == 0 { return x }
  let rest = 1 - drop.probability
  return Tensor(
    shape: x.shape, storage: x.storage.indices.map { keeps($0) ? x.storage[$0] / rest : 0 })
}

/// Dropout that makes something else of what is kept.
private func wrong(
  _ name: String, _ change: @escaping @Sendable (_ p: Double, _ x: Double) -> Double
) -> WrongVersion<Drop> {
  WrongVersion(name) { x, drop in
    if drop.probability == 0 { return x }
    return Tensor(
      shape: x.shape,
      storage: x.storage.indices.map {
        drop.keeps($0) ? change(drop.probability, x.storage[$0]) : 0
      })
  }
}
