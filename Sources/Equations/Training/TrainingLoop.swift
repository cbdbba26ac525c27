import Notation

/// What a decoder is given and what it has to say, position by position: teacher forcing.
///
///     inputs_i = target_i,  labels_i = target_(i + 1)        b × (t − 1)
///
/// - Parameter target: Whole sentences, b × t, t ≥ 2: the start token first.
/// - Returns: The sentences without their last token, and without their first.
///
/// TRN-1. Document 002, `train`. SPEC.md, Training loop.
public func teacherForcing(_ target: Tensor<Int>) -> (inputs: Tensor<Int>, labels: Tensor<Int>) {
  require(
    target.rank == 2 && target.shape[1] >= 2,
    "target must be b × tokens with two tokens at least: got \(described(target.shape))")
  let rows = (0..<target.shape[0]).map { target.slice($0).storage }
  let shape = [target.shape[0], target.shape[1] - 1]
  return (
    Tensor(shape: shape, storage: rows.flatMap { $0.dropLast() }),
    Tensor(shape: shape, storage: rows.flatMap { $0.dropFirst() })
  )
}

/// The loss of one batch, which training makes smaller.
///
///     loss = crossEntropy(transformer(source, inputs), labels),  padding ignored
///
/// - Parameters:
///   - source: The sentences to be translated, b × s.
///   - target: Their translations, b × t: start token, words, stop token, padding.
///   - p: The parameters; their `targetPadding` is what labels are ignored for.
///   - drop: What is dropped in training; `.none` in evaluation.
/// - Returns: The mean loss of the tokens after the first, and how many they are.
///
/// TRN-1. Document 002, `train`. SPEC.md, Training loop.
@specialized(where S == Float)
@specialized(where S == Double)
public func batchLoss<S: Scalar>(
  source: Tensor<Int>, target: Tensor<Int>, _ p: Transformer<S>, dropout drop: LayerDropout = .none
) -> (loss: S, count: Int) {
  let (inputs, labels) = teacherForcing(target)
  let loss = crossEntropy(
    transformer(source: source, target: inputs, p, dropout: drop), labels: labels,
    ignoring: p.targetPadding)
  return (loss.storage[0], labelCount(labels, ignoring: p.targetPadding))
}

/// The loss of several batches without dropout, by which models and epochs are compared.
///
/// - Parameters:
///   - batches: Sources and targets.
///   - p: The parameters.
///   - weighting: Whether tokens or batches count the same; batches in document 002.
///
/// TRN-2. Document 002, `evaluate`. SPEC.md, Training loop.
@specialized(where S == Float)
@specialized(where S == Double)
public func evaluationLoss<S: Scalar>(
  _ batches: [(source: Tensor<Int>, target: Tensor<Int>)], _ p: Transformer<S>,
  weighting: LossWeighting = .tokens
) -> S {
  let losses = batches.map { batchLoss(source: $0.source, target: $0.target, p) }
  return meanLoss(
    ofBatches: Tensor(shape: [losses.count], storage: losses.map(\.loss)),
    counts: Tensor(shape: [losses.count], storage: losses.map(\.count)), weighting: weighting)
}

/// The epochs after which the model is kept: those whose loss is below all before.
///
/// - Parameters:
///   - losses: The validation loss after each epoch.
///   - best: What the first has to be below.
/// - Returns: The numbers of the epochs, from 0; the model of the last of them is the best. A loss that
///   equals the best, or is NaN, is not below it.
///
/// TRN-3. Document 002, `run`. SPEC.md, Training loop.
public func keptEpochs(losses: [Double], best: Double = .infinity) -> [Int] {
  var best = best
  return losses.indices.filter { epoch in
    guard losses[epoch] < best else { return false }
    best = losses[epoch]
    return true
  }
}

/// A time in whole minutes and the whole seconds that are left, fractions cut off.
///
/// TRN-5. Document 002 imports it as `epoch_time`. SPEC.md, Training loop.
public func minutesAndSeconds(_ elapsed: Double) -> (minutes: Int, seconds: Int) {
  require(
    elapsed >= 0 && elapsed < 0x1p53, "a time must be finite and not negative: got \(elapsed)")
  return (Int(elapsed) / 60, Int(elapsed) % 60)
}
