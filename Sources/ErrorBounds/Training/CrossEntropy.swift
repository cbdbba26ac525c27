import Equations
import Foundation
import Notation

/// The largest error that a cross-entropy may have.
///
///     each  u (|d| + 2 |log S| + |loss|) + r        d = z_y − max z, S = Σ_j exp(z_j − max z)
///     r     = Σ_j p_j a_j + 17/4 u ⌊(v − 1) / 512⌋ + γ_D + v η
///     a_j   = (13 + 5 |z_j − max z|) u/4,  D = ⌈v / 16⌉ + 5
///     sum   Σ each + u |sum|;  mean  that over N
///
/// r is the relative error of S. An exponential is off by 13/4 u and u/4 of its exponent, of which the
/// difference takes another u. A term is taken down by exp(old − new) whenever a block of 512 logits has a
/// larger maximum; the exponents of all these add up to z_j − max z, and each leaves 13/4 u and a product's
/// rounding behind. 2u |log S| is the logarithm's ulp. The sum over positions runs in Double and is rounded
/// once.
///
/// - Parameters:
///   - logits: z, … × v.
///   - labels: y, … .
///   - ignored: The label of positions that do not count.
///   - reduction: What becomes of the losses.
/// - Returns: A single number, or …; of no meaning where the result is not finite.
public func crossEntropyBound(
  _ logits: Tensor<Double>, labels: Tensor<Int>, ignoring ignored: Int? = nil,
  reduction: LossReduction = .mean
) -> Tensor<Double> {
  let v = logits.shape[logits.rank - 1]
  let errors = labels.storage.indices.map { i in
    let label = labels.storage[i]
    return label == ignored
      ? 0 : lossBound(Array(logits.storage[i * v..<(i + 1) * v]), label: label)
  }
  if reduction == .each { return Tensor(shape: labels.shape, storage: errors) }
  let exact = crossEntropy(logits, labels: labels, ignoring: ignored, reduction: reduction)
  let count = reduction == .mean ? Double(labelCount(labels, ignoring: ignored)) : 1
  let error = errors.reduce(0, +) / count
  return exact.map { roundedOnce($0, offBy: error) }
}

/// The largest error that the mean over batches may have: it is computed in Double and rounded once.
///
/// - Parameters:
///   - losses: The mean loss of each batch.
///   - counts: Of how many tokens each is the mean.
///   - weighting: Whether tokens or batches count the same.
public func meanLossBound(
  ofBatches losses: Tensor<Double>, counts: Tensor<Int>, weighting: LossWeighting = .tokens
) -> Double {
  roundedOnce(meanLoss(ofBatches: losses, counts: counts, weighting: weighting))
}

/// The largest error that a perplexity may have: it is computed in Double and rounded once.
///
/// - Parameters:
///   - losses: The mean loss of each batch.
///   - counts: Of how many tokens each is the mean.
///   - weighting: Whether tokens or batches count the same.
public func perplexityBound(
  ofBatches losses: Tensor<Double>, counts: Tensor<Int>, weighting: LossWeighting = .tokens
) -> Double {
  roundedOnce(perplexity(ofBatches: losses, counts: counts, weighting: weighting))
}

/// The error of the kernels' −log softmax(z)_label, where each z_j may be off by e_j.
///
/// The maximum and log Σ exp move by E = max e at most, and the loss by e_label + log Σ p_j exp(e_j).
func lossBound(_ z: [Double], offBy e: [Double]? = nil, label: Int) -> Double {
  let (u, most) = (Arithmetic.kernel.unitRoundoff, e?.max() ?? 0)
  let largest = z.max() ?? 0
  let powers = z.map { exp($0 - largest) }
  let sum = powers.reduce(0, +)
  let ofTerms = zip(z, powers).reduce(0) { result, term in
    term.1 == 0 ? result : result + term.1 / sum * (13 + 5 * (largest - term.0)) * u / 4
  }
  let ofSum =
    ofTerms + 17 * u / 4 * Double((z.count - 1) / 512)
    + Arithmetic.kernel.gamma(Arithmetic.kernel.sumDepth(z.count))
    + Double(z.count) * Arithmetic.kernel.smallestNormal
  let (d, logOfSum) = (largest - z[label], log(sum))
  let brought =
    e.map { e in
      e[label] + log1p(zip(powers, e).reduce(0) { $0 + $1.0 / sum * expm1($1.1) })
    } ?? 0
  // The factors make up for products of errors, and for what E changes in the bound itself.
  let own = (u * (d + 2 * logOfSum + (d + logOfSum) + 10 * most) + ofSum) * 1.001
  return brought + own * exp(2 * most)
}

/// The error of a number that is off by so much and then rounded.
///
/// The factor makes up for the roundings in Double before.
func roundedOnce(_ x: Double, offBy error: Double = 0) -> Double {
  error + 1.001 * Arithmetic.kernel.unitRoundoff * (abs(x) + error)
    + Arithmetic.kernel.smallestNormal
}
