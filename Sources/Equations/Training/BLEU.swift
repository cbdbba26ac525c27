import Foundation
import Notation

/// How good translations are: the geometric mean of how much of them stands in a reference.
///
///     BLEU = BP · exp(Σ_n log p_n / N)
///
/// - Parameters:
///   - candidates: The translations, each a list of tokens.
///   - references: For each candidate at least one good translation.
///   - maximumOrder: N, the length of the longest n-grams.
/// - Returns: A number from 0 to 1; 0 if any p_n is 0, since nothing is smoothed.
///
/// BLEU-1. K. Papineni et al. 2002. SPEC.md, BLEU.
public func bleu<Token: Hashable>(
  candidates: [[Token]], references: [[[Token]]], maximumOrder: Int = 4
) -> Double {
  bleuSteps(candidates: candidates, references: references, maximumOrder: maximumOrder).score
}

/// BLEU with everything that is computed on the way.
///
///     p_n = Σ_s Σ_g min(count of g in s, largest count of g in a reference of s)
///           / Σ_s Σ_g count of g in s
///     c   = Σ_s length of s,  r = Σ_s length of the reference nearest in length, the shorter of two
///     BP  = 1 where c ≥ r, exp(1 − r/c) elsewhere
///
/// Counts and lengths are sums over all candidates s before anything is divided; g are the different
/// n-grams of s.
///
/// - Parameters:
///   - candidates: The translations, each a list of tokens.
///   - references: For each candidate at least one good translation.
///   - maximumOrder: N, the length of the longest n-grams.
///
/// BLEU-1. K. Papineni et al. 2002. SPEC.md, BLEU.
public func bleuSteps<Token: Hashable>(
  candidates: [[Token]], references: [[[Token]]], maximumOrder: Int = 4
) -> BLEUSteps {
  require(maximumOrder >= 1, "n-grams must have a token at least: got \(maximumOrder)")
  require(
    candidates.count == references.count,
    "each candidate must have its references: got \(candidates.count) candidates and references "
      + "for \(references.count)")
  var (matches, totals) = (
    Tensor(shape: [maximumOrder], repeating: 0), Tensor(shape: [maximumOrder], repeating: 0)
  )
  var (c, r) = (0, 0)
  for (s, (candidate, references)) in zip(candidates, references).enumerated() {
    require(
      !references.isEmpty,
      "each candidate must have a reference: number \(s) in order has none")
    c += candidate.count
    r += references.map(\.count).min {
      (abs($0 - candidate.count), $0) < (abs($1 - candidate.count), $1)
    }!
    for n in 1...maximumOrder {
      let limits = references.map { nGrams(of: $0, n) }.reduce(into: [:]) {
        $0.merge($1, uniquingKeysWith: max)
      }
      for (nGram, count) in nGrams(of: candidate, n) {
        matches[n - 1] += min(count, limits[nGram] ?? 0)
        totals[n - 1] += count
      }
    }
  }
  let precisions = zip(matches.storage, totals.storage).map { matches, total in
    total == 0 ? 0 : Double(matches) / Double(total)
  }
  let penalty = c >= r ? 1 : exp(1 - Double(r) / Double(c))
  let meanLog = precisions.reduce(0) { $0 + log($1) } / Double(maximumOrder)
  return BLEUSteps(
    matches: matches, totals: totals,
    precisions: Tensor(shape: [maximumOrder], storage: precisions), candidateLength: c,
    referenceLength: r, brevityPenalty: penalty, score: penalty * exp(meanLog))
}

/// How often each n-gram stands in a list of tokens.
private func nGrams<Token: Hashable>(of tokens: [Token], _ n: Int) -> [ArraySlice<Token>: Int] {
  guard tokens.count >= n else { return [:] }
  return (0...tokens.count - n).reduce(into: [:]) { counts, start in
    counts[tokens[start..<start + n], default: 0] += 1
  }
}

/// BLEU as document 002 calls it: two lists of words where two lists of sentences belong.
///
///     100 · BLEU(characters of hypothesis_i, characters of reference_i, for all i)
///
/// Each word is taken for a sentence, and its characters, which are Unicode scalars, for tokens. The
/// longer list loses what the shorter one has not.
///
/// - Parameters:
///   - hypothesis: The words of one translation.
///   - reference: The words of its reference.
/// - Returns: A number from 0 to 100.
///
/// BLEU-2, ERR-38. Document 002, `evaluate`. SPEC.md, BLEU.
public func document002BLEU(hypothesis: [String], reference: [String]) -> Double {
  let count = min(hypothesis.count, reference.count)
  return 100
    * bleu(
      candidates: hypothesis.prefix(count).map { Array($0.unicodeScalars) },
      references: reference.prefix(count).map { [Array($0.unicodeScalars)] })
}
