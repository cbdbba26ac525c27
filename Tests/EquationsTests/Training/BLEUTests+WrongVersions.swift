import Equations
import Foundation
import Notation
import TestSupport

let wrongBLEUs: [WrongVersion<Evaluate>] = [
  wrong("nothing is clipped") { $0.limit = { $0.max()! > 0 ? .max : 0 } },
  wrong("clipped by all references together") { $0.limit = { $0.reduce(0, +) } },
  wrong("clipped by the first reference") { $0.limit = { $0[0] } },
  wrong("clipped by the reference that has it least often") { $0.limit = { $0.min()! } },
  wrong("an n-gram counts once") { $0.limit = { min(1, $0.max()!) } },
  wrong("the n-grams of a sentence are a set") { count in
    let all = count.nGrams
    count.nGrams = { Array(Set(all($0, $1))) }
  },
  wrong("the order within an n-gram does not matter") { count in
    let all = count.nGrams
    count.nGrams = { all($0, $1).map { $0.sorted() } }
  },
  wrong("n-grams are one token longer") { count in
    let all = count.nGrams
    count.nGrams = { all($0, $1 + 1) }
  },
  wrong("n-grams do not overlap") { count in
    let all = count.nGrams
    count.nGrams = { sentence, n in
      all(sentence, n).enumerated().filter { $0.offset % n == 0 }.map(\.element)
    }
  },
  wrong("the last n-gram is left out") { count in
    let all = count.nGrams
    count.nGrams = { all($0, $1).dropLast() }
  },
  wrong("the length of the shortest reference") { $0.length = { $1.min()! } },
  wrong("the length of the longest reference") { $0.length = { $1.max()! } },
  wrong("the length of the first reference") { $0.length = { $1[0] } },
  wrong("the mean length of the references") { $0.length = { $1.reduce(0, +) / $1.count } },
  wrong("the longer of two references equally near") { count in
    let nearest = count.length
    count.length = { -nearest(-$0, $1.map { -$0 }) }
  },
  wrong("no penalty") { $0.penalty = { _, _ in 1 } },
  wrong("the penalty is the quotient of the lengths") { $0.penalty = { min(1, $0 / $1) } },
  wrong("the quotient is upside down") { $0.penalty = { $0 >= $1 ? 1 : exp(1 - $0 / $1) } },
  wrong("longer candidates pay, too") { $0.penalty = { exp(-abs(1 - $1 / $0)) } },
  wrong("longer candidates gain") { $0.penalty = { exp(1 - $1 / $0) } },
  wrong("the arithmetic mean of the precisions") { count in
    count.mean = { $0.reduce(0, +) / Double($0.count) }
  },
  wrong("the product of the precisions without a root") { $0.mean = { $0.reduce(1, *) } },
  wrong("always the fourth root") { count in
    count.mean = { exp($0.reduce(0) { $0 + log($1) } / 4) }
  },
  wrong("the mean of those precisions that are not 0") { count in
    count.mean = { precisions in
      let some = precisions.filter { $0 > 0 }
      return some.isEmpty ? 0 : exp(some.reduce(0) { $0 + log($1) } / Double(some.count))
    }
  },
  wrong("from 0 to 100") { count in
    let mean = count.mean
    count.mean = { 100 * mean($0) }
  },
  WrongVersion("one is added to every count of orders above 1") { t in
    var steps = correctBLEU(t)
    steps.precisions = Tensor(
      shape: steps.precisions.shape,
      storage: steps.precisions.storage.indices.map { n in
        n == 0
          ? steps.precisions[0] : Double(steps.matches[n] + 1) / Double(steps.totals[n] + 1)
      })
    steps.score = steps.brevityPenalty * CountByHand().mean(steps.precisions.storage)
    return steps
  },
  WrongVersion("the mean of the sentences' scores") { t in
    var steps = correctBLEU(t)
    steps.score = alone(t).reduce(0) { $0 + $1.score } / Double(t.candidates.count)
    return steps
  },
  WrongVersion("the penalty is the mean of the sentences' penalties") { t in
    var steps = correctBLEU(t)
    let penalty = alone(t).reduce(0) { $0 + $1.brevityPenalty } / Double(t.candidates.count)
    steps.brevityPenalty = penalty
    steps.score = penalty * CountByHand().mean(steps.precisions.storage)
    return steps
  },
  WrongVersion("all sentences are one") { t in
    let most = t.references.map(\.count).max()!
    return correctBLEU(
      Translations(
        candidates: [t.candidates.flatMap { $0 }],
        references: [(0..<most).map { i in t.references.flatMap { $0[min(i, $0.count - 1)] } }],
        maximumOrder: t.maximumOrder))
  },
  WrongVersion("translations and first references are exchanged") { t in
    correctBLEU(
      Translations(
        candidates: t.references.map { $0[0] },
        references: zip(t.candidates, t.references).map { [$0] + $1.dropFirst() },
        maximumOrder: t.maximumOrder))
  },
  WrongVersion("always up to four words") { t in
    var four = t
    four.maximumOrder = 4
    return correctBLEU(four)
  },
  WrongVersion("the first reference alone") { t in
    var first = t
    first.references = t.references.map { [$0[0]] }
    return correctBLEU(first)
  },
]

let wrongWordBLEUs: [WrongVersion<WordBLEU>] = [
  WrongVersion("words are the tokens (ERR-38)") { hypothesis, reference in
    100 * bleu(candidates: [hypothesis], references: [[reference]])
  },
  WrongVersion("the characters of all words are one sentence") { hypothesis, reference in
    100
      * bleu(
        candidates: [Array(hypothesis.joined().unicodeScalars)],
        references: [[Array(reference.joined().unicodeScalars)]])
  },
  WrongVersion("a letter and its accent are one token") { hypothesis, reference in
    let pairs = zip(hypothesis, reference).map { (Array($0), Array($1)) }
    return 100 * bleu(candidates: pairs.map(\.0), references: pairs.map { [$0.1] })
  },
  WrongVersion("the shorter list goes on with empty words") { hypothesis, reference in
    let count = max(hypothesis.count, reference.count)
    func filled(_ words: [String]) -> [String] {
      words + Array(repeating: "", count: count - words.count)
    }
    return correctWordBLEU(filled(hypothesis), filled(reference))
  },
  WrongVersion("the mean of the words' scores") { hypothesis, reference in
    let scores = zip(hypothesis, reference).map { correctWordBLEU([$0], [$1]) }
    return scores.isEmpty ? 0 : scores.reduce(0, +) / Double(scores.count)
  },
  WrongVersion("hypothesis and reference are exchanged") { correctWordBLEU($1, $0) },
  WrongVersion("from 0 to 1") { correctWordBLEU($0, $1) / 100 },
]

/// A count by hand with one part replaced.
private func wrong(
  _ name: String, _ change: (inout CountByHand) -> Void
) -> WrongVersion<Evaluate> {
  var count = CountByHand()
  change(&count)
  let changed = count
  return WrongVersion(name) { changed.steps($0) }
}

/// Each sentence as a corpus of its own.
private func alone(_ t: Translations) -> [BLEUSteps] {
  t.candidates.indices.map { i in
    correctBLEU(
      Translations(
        candidates: [t.candidates[i]], references: [t.references[i]], maximumOrder: t.maximumOrder))
  }
}
