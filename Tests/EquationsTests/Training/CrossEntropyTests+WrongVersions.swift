import Equations
import Foundation
import Notation
import TestSupport

let wrongLosses: [WrongVersion<Loss>] = [
  position("without a minus sign") { row, label in -rowLoss(row, label) },
  position("in bits") { row, label in rowLoss(row, label) / log(2) },
  position("the probability without its logarithm") { row, label in
    1 - exp(-rowLoss(row, label))
  },
  position("the logarithm of a softmax that may be 0") { row, label in
    -log(softmax(Tensor(shape: [row.count], storage: row))[label])
  },
  position("exponentials without the shift") { row, label in
    log(row.reduce(0) { $0 + exp($1) }) - row[label]
  },
  position("the gap to the largest logit alone") { row, label in row.max()! - row[label] },
  position("logits for logarithms of probabilities") { row, label in -row[label] },
  position("probabilities for logits") { row, label in
    let p = softmax(Tensor(shape: [row.count], storage: row)).storage
    return rowLoss(p, label)
  },
  position("the loss of the likeliest token") { row, _ in
    rowLoss(row, row.firstIndex(of: row.max()!)!)
  },
  position("labels count from 1") { row, label in rowLoss(row, max(0, label - 1)) },
  position("the squared error of the probability") { row, label in
    pow(1 - exp(-rowLoss(row, label)), 2)
  },
  position("smoothed labels") { row, label in
    let all = row.indices.reduce(0) { $0 + rowLoss(row, $1) } / Double(row.count)
    return 0.9 * rowLoss(row, label) + 0.1 * all
  },
  WrongVersion("softmax over the positions") { input in
    var wrong = input
    let rows = input.logits.rows
    // What cross-entropy adds to a logarithm of probabilities is 0 only over the other axis.
    wrong.logits = logSoftmax(rows.transposed).transposed.reshaped(input.logits.shape)
    let losses = wrong.labels.storage.enumerated().map { i, label in
      label == input.ignored ? 0 : -wrong.logits.rows[i, label]
    }
    return reduced(losses, input)
  },
  WrongVersion("what is ignored counts") { input in
    var all = input
    // An ignored label that is no token is taken for the first.
    let v = input.logits.shape.last!
    all.labels = input.labels.map { (0..<v).contains($0) ? $0 : 0 }
    all.ignored = nil
    return lossEquation(all)
  },
  WrongVersion("what is ignored is multiplied by 0") { input in
    var all = input
    let v = input.logits.shape.last!
    all.labels = input.labels.map { (0..<v).contains($0) ? $0 : 0 }
    (all.ignored, all.reduction) = (nil, .each)
    let losses = zip(lossEquation(all).storage, input.labels.storage).map {
      $0 * ($1 == input.ignored ? 0 : 1)
    }
    return reduced(losses, input)
  },
  WrongVersion("the mean over ignored positions, too") { input in
    input.reduction == .mean ? divided(sum(input), by: input.labels.count) : lossEquation(input)
  },
  WrongVersion("the mean over sentences") { input in
    guard input.reduction == .mean, input.labels.rank == 2 else { return lossEquation(input) }
    return divided(sum(input), by: input.labels.shape[0])
  },
  WrongVersion("the mean of the sentences' means") { input in
    guard input.reduction == .mean, input.labels.rank == 2 else { return lossEquation(input) }
    let means = (0..<input.labels.shape[0]).map { b in
      crossEntropy(
        input.logits.slice(b), labels: input.labels.slice(b), ignoring: input.ignored
      ).storage[0]
    }
    let total = Tensor(shape: [], storage: [means.reduce(0, +)])
    return divided(total, by: means.count)
  },
  WrongVersion("the sum for the mean") { input in
    input.reduction == .mean ? sum(input) : lossEquation(input)
  },
  WrongVersion("the mean for the sum") { input in
    var mean = input
    if input.reduction == .sum { mean.reduction = .mean }
    return lossEquation(mean)
  },
  WrongVersion("0 for the mean of nothing") { input in
    let loss = lossEquation(input)
    return labelCount(input.labels, ignoring: input.ignored) == 0 && input.reduction == .mean
      ? Tensor(shape: [], storage: [0]) : loss
  },
]

let wrongMeans: [WrongVersion<Mean>] = [
  WrongVersion("every batch counts the same where tokens should") { input in
    meanLoss(ofBatches: input.losses, counts: input.counts, weighting: .batches)
  },
  WrongVersion("every token counts the same where batches should") { input in
    meanLoss(ofBatches: input.losses, counts: input.counts, weighting: .tokens)
  },
  WrongVersion("the sum for the mean") { input in input.losses.storage.reduce(0, +) },
  WrongVersion("the losses taken for sums over their tokens") { input in
    input.weighting == .tokens
      ? input.losses.storage.reduce(0, +) / Double(input.counts.storage.reduce(0, +))
      : meanEquation(input)
  },
  WrongVersion("the last batch is left out") { input in
    var fewer = input
    fewer.losses = Tensor(
      shape: [max(0, input.losses.count - 1)], storage: input.losses.storage.dropLast())
    fewer.counts = Tensor(
      shape: [max(0, input.losses.count - 1)], storage: input.counts.storage.dropLast())
    return meanEquation(fewer)
  },
  WrongVersion("the mean of the perplexities") { input in
    var perplexities = input
    perplexities.losses = input.losses.map { exp($0) }
    return log(meanEquation(perplexities))
  },
  WrongVersion("NaN times 0 for a batch without tokens") { input in
    guard input.weighting == .tokens else { return meanEquation(input) }
    let sum = zip(input.losses.storage, input.counts.storage).reduce(0) { $0 + $1.0 * Double($1.1) }
    return sum / Double(input.counts.storage.reduce(0, +))
  },
]

// MARK: - Parts

/// The loss of every position by itself, from its row and its label.
private func position(
  _ name: String, _ loss: @escaping @Sendable ([Double], Int) -> Double
) -> WrongVersion<Loss> {
  WrongVersion(name) { input in
    let rows = input.logits.rows
    let losses = input.labels.storage.enumerated().map { i, label in
      label == input.ignored ? 0 : loss(rows.slice(i).storage, label)
    }
    return reduced(losses, input)
  }
}

private func rowLoss(_ row: [Double], _ label: Int) -> Double {
  let row = Tensor(shape: [row.count], storage: row)
  return crossEntropy(row, labels: Tensor(shape: [], storage: [label])).storage[0]
}

private func reduced(_ losses: [Double], _ input: Prediction<Double>) -> Tensor<Double> {
  let sum = Tensor(shape: [], storage: [losses.reduce(0, +)])
  switch input.reduction {
  case .mean: return divided(sum, by: labelCount(input.labels, ignoring: input.ignored))
  case .sum: return sum
  case .each: return Tensor(shape: input.labels.shape, storage: losses)
  }
}

private func sum(_ input: Prediction<Double>) -> Tensor<Double> {
  var input = input
  input.reduction = .sum
  return lossEquation(input)
}

private func divided(_ sum: Tensor<Double>, by count: Int) -> Tensor<Double> {
  sum.map { $0 / Double(count) }
}
