import Notation

/// Cross-entropy: how little a model expected the labels, in nats.
///
///     loss_i = −log softmax(z_i)_{y_i} = log Σ_j exp(z_ij − max z_i) − (z_{i y_i} − max z_i)        …
///     mean   = Σ_i loss_i / count,  count = how many y_i are not ignored
///
/// - Parameters:
///   - logits: z, a score for each of v tokens: … × v.
///   - labels: y, the tokens that came: … .
///   - ignored: The label of positions that do not count, such as padding; it need not be a token.
///   - reduction: What becomes of the losses.
/// - Returns: A single number, or … under `.each`. Ignored positions have the loss 0, whatever their
///   logits are. Without a position that counts the mean is NaN, 0 / 0.
///
/// LOSS-1. SPEC.md, Cross-entropy.
@specialized(where S == Float)
@specialized(where S == Double)
public func crossEntropy<S: Scalar>(
  _ logits: Tensor<S>, labels: Tensor<Int>, ignoring ignored: Int? = nil,
  reduction: LossReduction = .mean
) -> Tensor<S> {
  checkLabels(labels, ofLogits: logits.shape, ignoring: ignored)
  let logP = logSoftmax(logits).rows
  let losses = labels.storage.enumerated().map { i, label in
    label == ignored ? 0 : -logP[i, label]
  }
  let count = labelCount(labels, ignoring: ignored)
  switch reduction {
  case .mean:
    return Tensor(shape: [], storage: [losses.reduce(0, +) / S(Double(count))])
  case .sum: return Tensor(shape: [], storage: [losses.reduce(0, +)])
  case .each: return Tensor(shape: labels.shape, storage: losses)
  }
}

/// The loss of several batches from the mean loss of each.
///
///     tokens:   Σ_k count_k loss_k / Σ_k count_k
///     batches:  Σ_k loss_k / batches
///
/// - Parameters:
///   - losses: The mean loss of each batch.
///   - counts: Of how many tokens each is the mean.
///   - weighting: Whether tokens or batches count the same.
/// - Returns: One number; NaN without tokens, or without batches. By tokens, a batch without any takes
///   no part; by batches its loss, which is NaN, decides.
///
/// LOSS-2, TRN-2. SPEC.md, Cross-entropy.
@specialized(where S == Float)
@specialized(where S == Double)
public func meanLoss<S: Scalar>(
  ofBatches losses: Tensor<S>, counts: Tensor<Int>, weighting: LossWeighting = .tokens
) -> S {
  checkBatches(losses: losses.shape, counts: counts)
  switch weighting {
  case .tokens:
    let sums = zip(losses.storage, counts.storage).map { loss, count in
      count == 0 ? 0 : S(Double(count)) * loss
    }
    return sums.reduce(0, +) / S(Double(counts.storage.reduce(0, +)))
  case .batches: return losses.storage.reduce(0, +) / S(Double(losses.count))
  }
}

/// Perplexity: among how many equally likely tokens a model that is as good would have to guess.
///
///     perplexity = exp(loss)
///
/// - Parameters:
///   - losses: The mean loss of each batch.
///   - counts: Of how many tokens each is the mean.
///   - weighting: Whether tokens or batches count the same.
///
/// LOSS-2. SPEC.md, Cross-entropy.
@specialized(where S == Float)
@specialized(where S == Double)
public func perplexity<S: Scalar>(
  ofBatches losses: Tensor<S>, counts: Tensor<Int>, weighting: LossWeighting = .tokens
) -> S {
  S.exp(meanLoss(ofBatches: losses, counts: counts, weighting: weighting))
}
