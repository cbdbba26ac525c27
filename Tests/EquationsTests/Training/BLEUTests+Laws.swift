import ErrorBounds
import Foundation
import Notation
import TestSupport

let bleuLaws: [Law<Evaluate>] = [
  Law("an n-gram counts as often as the reference has it that has it most often") {
    evaluate, draw in
    let t = draw.translations()
    let (got, counted) = (evaluate(t), CountByHand().steps(t))
    try expect(got.matches == counted.matches, "\(got.matches.storage)")
    try expect(got.totals == counted.totals, "\(got.totals.storage)")
    for n in 0..<t.maximumOrder where counted.totals[n] > 0 {
      // A quotient of two integers is rounded once.
      let p = Double(counted.matches[n]) / Double(counted.totals[n])
      try expect(got.precisions[n] == p, "\(got.precisions.storage)")
    }
  },
  Law("the penalty is for the lengths of references nearest in length") { evaluate, draw in
    let t = draw.translations()
    let (got, counted) = (evaluate(t), CountByHand().steps(t))
    try expect(got.candidateLength == counted.candidateLength, "c is \(got.candidateLength)")
    try expect(got.referenceLength == counted.referenceLength, "r is \(got.referenceLength)")
    try expectNear(got.brevityPenalty, penalty(counted.candidateLength, counted.referenceLength))
  },
  Law("the score is the geometric mean of the precisions, times the penalty") { evaluate, draw in
    let t = draw.translations()
    let (got, counted) = (evaluate(t), CountByHand().steps(t))
    draw.cover("some order has no match", counted.matches.storage.contains(0), atLeast: 0.1)
    try expectNear(got.score, score(of: counted))
  },
  Law("a corpus has what its sentences have, added") { evaluate, draw in
    let t = draw.translations()
    let whole = evaluate(t)
    let parts = t.candidates.indices.map { i in
      evaluate(
        Translations(
          candidates: [t.candidates[i]], references: [t.references[i]],
          maximumOrder: t.maximumOrder))
    }
    for n in 0..<t.maximumOrder {
      try expect(whole.matches[n] == parts.reduce(0) { $0 + $1.matches[n] }, "matches of \(n + 1)")
      try expect(whole.totals[n] == parts.reduce(0) { $0 + $1.totals[n] }, "totals of \(n + 1)")
    }
    try expect(
      whole.candidateLength == parts.reduce(0) { $0 + $1.candidateLength }
        && whole.referenceLength == parts.reduce(0) { $0 + $1.referenceLength }, "the lengths")
  },
  Law("the order of sentences and of references does not matter") { evaluate, draw in
    let t = draw.translations()
    let order = draw.permutation("order", count: t.candidates.count)
    var permuted = t
    permuted.candidates = order.map { t.candidates[$0] }
    permuted.references = order.map { t.references[$0].reversed() }
    try expect(evaluate(permuted) == evaluate(t), "it matters")
  },
  Law("other names for the tokens change nothing") { evaluate, draw in
    let t = draw.translations()
    let names = draw.permutation("names", count: 4)
    var renamed = t
    renamed.candidates = t.candidates.map { $0.map { names[$0] } }
    renamed.references = t.references.map { $0.map { $0.map { names[$0] } } }
    try expect(evaluate(renamed) == evaluate(t), "they change the steps")
  },
  Law("a translation that is one of its references has 1") { evaluate, draw in
    var t = draw.translations()
    try draw.require(t.candidates.contains { $0.count >= t.maximumOrder })
    for (i, candidate) in t.candidates.enumerated() { t.references[i].append(candidate) }
    let steps = evaluate(t)
    try expect(steps.score == 1 && steps.brevityPenalty == 1, "it has \(steps.score)")
  },
]

let wordBLEULaws: [Law<WordBLEU>] = [
  Law("each word is a sentence, and each of its characters a token") { evaluate, draw in
    let (hypothesis, reference) = (draw.words("hypothesis"), draw.words("reference"))
    let pairs = zip(hypothesis, reference).map { ($0.unicodeScalars, $1.unicodeScalars) }
    let steps = CountByHand().steps(
      Translations(
        candidates: pairs.map { $0.0.map { Int($0.value) } },
        references: pairs.map { [$0.1.map { Int($0.value) }] }))
    draw.cover("the score is above 0", steps.score > 0, atLeast: 0.2)
    try expectNear(evaluate(hypothesis, reference), 100 * score(of: steps))
  },
  Law("what the longer list has more does not count") { evaluate, draw in
    let (hypothesis, reference) = (draw.words("hypothesis"), draw.words("reference"))
    let count = min(hypothesis.count, reference.count)
    try expect(
      evaluate(hypothesis, reference)
        == evaluate(Array(hypothesis.prefix(count)), Array(reference.prefix(count))),
      "it counts")
  },
]

/// Throws unless a number computed in Double may be that.
private func expectNear(_ got: Double, _ expected: RunningError) throws {
  try ErrorGauge(
    got: Tensor(shape: [], storage: [got]), expected: Tensor(shape: [], storage: [expected.value]),
    bound: Tensor(shape: [], storage: [2 * expected.bound]))
}

/// exp(1 − r/c) for shorter candidates.
private func penalty(_ c: Int, _ r: Int) -> RunningError {
  guard c < r else { return 1 }
  return RunningError.exp(1 - RunningError(Double(r)) / RunningError(Double(c)))
}

/// The geometric mean of what was counted, times the penalty.
private func score(of counted: BLEUSteps) -> RunningError {
  if counted.matches.storage.contains(0) { return 0 }
  let logs = zip(counted.matches.storage, counted.totals.storage).map {
    RunningError.log(RunningError(Double($0)) / RunningError(Double($1)))
  }
  let mean = logs.reduce(0, +) / RunningError(Double(logs.count))
  return penalty(counted.candidateLength, counted.referenceLength) * RunningError.exp(mean)
}

/// A count without dictionaries, each of whose parts can be replaced by a wrong one.
struct CountByHand: Sendable {
  /// The n-grams of a sentence.
  var nGrams: @Sendable (_ sentence: [Int], _ n: Int) -> [[Int]] = { sentence, n in
    sentence.indices.filter { $0 + n <= sentence.count }.map { Array(sentence[$0..<$0 + n]) }
  }
  /// How often an n-gram may count that stands so often in each of the references.
  var limit: @Sendable (_ counts: [Int]) -> Int = { $0.max()! }
  /// The length to which that of a candidate is compared.
  var length: @Sendable (_ candidate: Int, _ references: [Int]) -> Int = { candidate, references in
    var distance = 0
    while true {
      if references.contains(candidate - distance) { return candidate - distance }
      if references.contains(candidate + distance) { return candidate + distance }
      distance += 1
    }
  }
  /// BP of two lengths.
  var penalty: @Sendable (_ c: Double, _ r: Double) -> Double = { $0 >= $1 ? 1 : exp(1 - $1 / $0) }
  /// What is made of all precisions.
  var mean: @Sendable (_ precisions: [Double]) -> Double = { precisions in
    exp(precisions.reduce(0) { $0 + log($1) } / Double(precisions.count))
  }

  func steps(_ t: Translations) -> BLEUSteps {
    let orders = 1...t.maximumOrder
    var (matches, totals) = (orders.map { _ in 0 }, orders.map { _ in 0 })
    for (candidate, references) in zip(t.candidates, t.references) {
      for n in orders {
        let found = nGrams(candidate, n)
        totals[n - 1] += found.count
        for (i, nGram) in found.enumerated() where !found[..<i].contains(nGram) {
          let counts = references.map { nGrams($0, n).count { $0 == nGram } }
          matches[n - 1] += min(found.count { $0 == nGram }, limit(counts))
        }
      }
    }
    let c = t.candidates.reduce(0) { $0 + $1.count }
    let r = zip(t.candidates, t.references).reduce(0) { $0 + length($1.0.count, $1.1.map(\.count)) }
    let precisions = zip(matches, totals).map { $1 == 0 ? 0 : Double($0) / Double($1) }
    let penalty = penalty(Double(c), Double(r))
    return BLEUSteps(
      matches: tensor(matches), totals: tensor(totals), precisions: tensor(precisions),
      candidateLength: c, referenceLength: r, brevityPenalty: penalty,
      score: penalty * mean(precisions))
  }

  private func tensor<Element>(_ elements: [Element]) -> Tensor<Element> {
    Tensor(shape: [elements.count], storage: elements)
  }
}

extension Draw {
  /// Words of which those at one place often begin alike; in some a letter has an accent of its own.
  fileprivate func words(_ name: String) -> [String] {
    let all = ["abcde", "abcdb", "ababa", "ba", "a\u{301}bca\u{301}b", ""]
    return (0..<integer("words", in: 1...4)).map { $0 == 0 ? all[0] : element(name, of: all) }
  }

  /// Some sentences of few tokens, with references that begin as they do.
  func translations() -> Translations {
    var t = Translations(
      candidates: [], references: [], maximumOrder: integer("N", in: 1...5))
    for _ in 0..<integer("sentences", in: 1...3) {
      let length = size("length", from: 1, upTo: 12)
      let candidate = (0..<length).map { _ in integer("token", in: 0...3) }
      t.candidates.append(candidate)
      t.references.append(
        (0..<integer("references", in: 1...3)).map { _ in
          let kept = integer("kept", in: 0...length)
          return candidate.prefix(kept)
            + (0..<integer("more", in: 0...4)).map { _ in integer("token", in: 0...3) }
        })
    }
    return t
  }
}
