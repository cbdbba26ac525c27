import Foundation
import Notation

/// Cross-entropy from logits, which are read from memory once.
///
/// Differs from the equation in that no log-softmax is written: a row goes by in blocks that stay in L1,
/// and its sum of exponentials is taken down whenever a block has a larger maximum than those before.
/// The losses are added up in Double, in their order.
///
/// Error: see `ErrorBounds`. Equation: `Equations/Training/CrossEntropy.swift`.
/// Source of the running maximum: M. Milakov and N. Gimelshein, "Online normalizer calculation for
/// softmax", 2018.
///
/// - Parameters:
///   - logits: z, … × v.
///   - labels: y, the tokens that came: … .
///   - ignored: The label of positions that do not count, whatever their logits are.
///   - reduction: What becomes of the losses.
/// - Returns: A single number, or … under `.each`.
public func crossEntropy(
  _ logits: Tensor<Float>, labels: Tensor<Int>, ignoring ignored: Int? = nil,
  reduction: LossReduction = .mean
) -> Tensor<Float> {
  checkLabels(labels, ofLogits: logits.shape, ignoring: ignored)
  let v = logits.shape[logits.rank - 1]
  func write(_ losses: Memory<Float>) {
    logits.storage.withMemory { z in
      labels.storage.withMemory { y in
        Threads.share(rows: losses.count, width: v) { i in
          let row = z.part(i * v, v)
          losses[i] = y[i] == ignored ? 0 : LogSum(of: row).loss(row[y[i]])
        }
      }
    }
  }
  if reduction == .each {
    return Tensor(shape: labels.shape, storage: [Float].written(labels.count, write))
  }
  let sum = Workspace.with(labels.count) { losses in
    write(losses)
    return losses.sum
  }
  let divisor = reduction == .mean ? Double(labelCount(labels, ignoring: ignored)) : 1
  return Tensor(shape: [], storage: [Float(sum / divisor)])
}

/// The loss of several batches from the mean loss of each, in Double until the last rounding.
///
/// - Parameters:
///   - losses: The mean loss of each batch.
///   - counts: Of how many tokens each is the mean.
///   - weighting: Whether tokens or batches count the same.
public func meanLoss(
  ofBatches losses: Tensor<Float>, counts: Tensor<Int>, weighting: LossWeighting = .tokens
) -> Float {
  Float(preciseMeanLoss(losses, counts, weighting))
}

/// Perplexity, in Double until the last rounding.
///
/// - Parameters:
///   - losses: The mean loss of each batch.
///   - counts: Of how many tokens each is the mean.
///   - weighting: Whether tokens or batches count the same.
public func perplexity(
  ofBatches losses: Tensor<Float>, counts: Tensor<Int>, weighting: LossWeighting = .tokens
) -> Float {
  Float(exp(preciseMeanLoss(losses, counts, weighting)))
}

private func preciseMeanLoss(
  _ losses: Tensor<Float>, _ counts: Tensor<Int>, _ weighting: LossWeighting
) -> Double {
  checkBatches(losses: losses.shape, counts: counts)
  var (sum, tokens) = (0.0, 0)
  for (loss, count) in zip(losses.storage, counts.storage) {
    switch weighting {
    case .tokens: if count > 0 { sum += Double(count) * Double(loss) }
    case .batches: sum += Double(loss)
    }
    tokens += count
  }
  return sum / Double(weighting == .tokens ? tokens : losses.count)
}

/// log Σ exp z_j of a row of logits, as its maximum and what is left beside it.
struct LogSum {
  private var maximum = -Float.infinity
  private var logOfRest = -Float.infinity

  /// The numbers that go by at once: 2 KiB, far below L1, so that the next ones are on their way while
  /// their exponentials are computed.
  ///
  /// In rows of 10,000 numbers from memory, eight lanes: 1.86 ns a vector, where the exponentials alone
  /// take 1.45 and reading 0.87; blocks of 1 KiB are 5 %, of 8 KiB 20 % slower. Two, three or four
  /// vectors side by side make no difference. PyTorch, which writes a log-softmax, takes 9 times as long.
  private static let block = 512

  /// Takes down Σ exp(z_j − maximum), in four vectors side by side.
  init(of z: Memory<Float>) {
    var sums = InlineArray<4, Vector>(repeating: .zero)
    var start = 0
    while start < z.count {
      let part = z.part(start, min(LogSum.block, z.count - start))
      let largest = largest(part)
      if largest > maximum {
        let factor = fastExponential(Vector(repeating: maximum - largest))
        for k in 0..<4 { sums[k] *= factor }
        maximum = largest
      }
      // Nothing but −∞ so far, or NaN: exp(−∞ − 0) is 0, and NaN comes through.
      let shift = Vector(repeating: maximum == -.infinity ? 0 : maximum)
      var i = 0
      while i + 4 * lanes <= part.count {
        for k in 0..<4 {
          sums[k] += fastExponential(part.vector(i + k * lanes) - shift)
        }
        i += 4 * lanes
      }
      forEachVector(part.count - i) { offset, length in
        let x = part.vector(i + offset, first: length, filler: -.infinity)
        sums[0] += fastExponential(x - shift)
      }
      start += LogSum.block
    }
    logOfRest = log(((sums[0] + sums[1]) + (sums[2] + sums[3])).sum())
  }

  /// −log softmax(z)_y from z_y.
  func loss(_ logit: Float) -> Float { logOfRest - (logit - maximum) }
}

extension Memory<Float> {
  /// The sum of all elements in their order, in Double.
  var sum: Double {
    var sum = 0.0
    for i in 0..<count { sum += Double(self[i]) }
    return sum
  }
}
