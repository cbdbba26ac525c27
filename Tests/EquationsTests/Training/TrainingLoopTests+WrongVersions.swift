import Equations
import Notation
import TestSupport

let wrongBatches: [WrongVersion<BatchLoss>] = [
  wrong("no shift: each token is expected where it is given") { batch in
    batch.labels = batch.inputs
  },
  wrong("shifted the other way") { (batch: inout Batch) in
    (batch.inputs, batch.labels) = (batch.labels, batch.inputs)
  },
  WrongVersion("shifted by two") { input in
    let t = input.target.shape[1]
    guard t > 2 else { return 0 }
    return loss(
      Batch(
        source: input.source, inputs: input.target.columns(Array(0..<(t - 2))),
        labels: input.target.columns(Array(2..<t)), p: input.p, ignored: input.p.targetPadding))
  },
  wrong("padding counts") { $0.ignored = nil },
  wrong("the source's padding does not count, the target's does (ERR-35)") { batch in
    batch.ignored = batch.p.sourcePadding
  },
  wrong("the start token does not count") { batch in batch.ignored = batch.inputs.storage[0] },
  wrong("later tokens are seen") { $0.isCausal = false },
  wrong("the sum for the mean") { $0.reduction = .sum },
  WrongVersion("the mean of the sentences' means") { input in
    let means = (0..<input.source.shape[0]).map { b in
      batchLoss(source: input.source.keeping(b), target: input.target.keeping(b), input.p).loss
    }
    return means.reduce(0, +) / Double(means.count)
  },
  WrongVersion("the first sentence alone") { input in
    batchLoss(source: input.source.keeping(0), target: input.target.keeping(0), input.p).loss
  },
  WrongVersion("half is dropped, as in training") { input in
    batchLoss(
      source: input.source, target: input.target, input.p,
      dropout: LayerDropout(Dropout(probability: 0.5, seed: 1), at: .pyTorch)
    ).loss
  },
  wrong("probabilities for logits") { $0.isNormalized = true },
]

let wrongEvaluations: [WrongVersion<EvaluationLoss>] = [
  WrongVersion("batches count the same where tokens should") { input in
    evaluationLoss(input.batches, input.p, weighting: .batches)
  },
  WrongVersion("tokens count the same where batches should") { input in
    evaluationLoss(input.batches, input.p, weighting: .tokens)
  },
  WrongVersion("the last batch alone") { input in
    evaluationLoss([input.batches.last!], input.p, weighting: input.weighting)
  },
  WrongVersion("the sum over batches") { input in
    evaluationEquation(input) * Double(input.batches.count == 1 ? 2 : input.batches.count)
  },
  WrongVersion("sentences count the same") { input in
    let single = input.batches.flatMap { batch in
      (0..<batch.source.shape[0]).map { (batch.source.keeping($0), batch.target.keeping($0)) }
    }
    return evaluationLoss(single, input.p, weighting: .batches)
  },
]

let wrongKeptEpochs: [WrongVersion<Kept>] = [
  kept("an equal loss is kept, too") { $0 <= $1 },
  kept("a larger loss is kept") { $0 > $1 || $1 == .infinity },
  kept("NaN is kept") { !($0 >= $1) },
  WrongVersion("better than the epoch before") { losses in
    losses.indices.filter { losses[$0] < ($0 == 0 ? .infinity : losses[$0 - 1]) }
  },
  WrongVersion("the first is not kept") { Array(keptEpochs(losses: $0).dropFirst()) },
  WrongVersion("only the last is kept") { losses in keptEpochs(losses: losses).suffix(1) },
  WrongVersion("every epoch is kept") { Array($0.indices) },
  WrongVersion("epochs count from 1") { keptEpochs(losses: $0).map { $0 + 1 } },
]

let wrongStopwatches: [WrongVersion<Stopwatch>] = [
  WrongVersion("seconds are rounded") { elapsed in
    (Int(elapsed) / 60, Int((elapsed - 60 * Double(Int(elapsed) / 60)).rounded()))
  },
  WrongVersion("minutes are rounded") { elapsed in
    (Int((elapsed / 60).rounded()), Int(elapsed) % 60)
  },
  WrongVersion("all seconds, beside the minutes") { (Int($0) / 60, Int($0)) },
  WrongVersion("hundreds for minutes") { (Int($0) / 100, Int($0) % 100) },
  WrongVersion("hours and minutes") { (Int($0) / 3600, Int($0) / 60 % 60) },
]

// MARK: - Parts

/// A batch whose halves need not belong together.
private struct Batch {
  var source: Tensor<Int>
  var inputs: Tensor<Int>
  var labels: Tensor<Int>
  var p: Transformer<Double>
  var ignored: Int?
  var reduction = LossReduction.mean
  var isCausal = true
  var isNormalized = false
}

private func loss(_ batch: Batch) -> Double {
  var logits = transformer(source: batch.source, target: batch.inputs, batch.p)
  if !batch.isCausal {
    var model = TransformerAssembly(
      TransformerCase(source: batch.source, target: batch.inputs, p: batch.p))
    model.targetMask.causalOffset = nil
    model.targetMask.keep = batch.p.targetPadding.map {
      paddingMask(tokens: batch.inputs, padding: $0)
    }
    logits = model.steps.logits
  }
  if batch.isNormalized { logits = softmax(logits) }
  return crossEntropy(
    logits, labels: batch.labels, ignoring: batch.ignored, reduction: batch.reduction
  ).storage[0]
}

private func wrong(
  _ name: String, _ change: @escaping @Sendable (inout Batch) -> Void
) -> WrongVersion<BatchLoss> {
  WrongVersion(name) { input in
    let (inputs, labels) = teacherForcing(input.target)
    var batch = Batch(
      source: input.source, inputs: inputs, labels: labels, p: input.p,
      ignored: input.p.targetPadding)
    change(&batch)
    return loss(batch)
  }
}

private func kept(
  _ name: String, _ isBetter: @escaping @Sendable (Double, Double) -> Bool
) -> WrongVersion<Kept> {
  WrongVersion(name) { losses in
    var best = Double.infinity
    return losses.indices.filter { epoch in
      guard isBetter(losses[epoch], best) else { return false }
      best = losses[epoch]
      return true
    }
  }
}
