/// What becomes of the losses of all positions.
public enum LossReduction: Hashable, Sendable, CaseIterable {
  /// Their sum over the number of positions that count: 002, PyTorch's default.
  case mean
  /// Their sum.
  case sum
  /// Each stays by itself, 0 where a position does not count.
  case each
}

/// How the mean losses of batches become the loss of all.
public enum LossWeighting: Hashable, Sendable, CaseIterable {
  /// Every token counts the same: the mean over all positions of all batches.
  case tokens
  /// Every batch counts the same, however many tokens it has: 002.
  case batches
}

/// How many labels count: those that are not ignored.
public func labelCount(_ labels: Tensor<Int>, ignoring ignored: Int? = nil) -> Int {
  labels.storage.count { $0 != ignored }
}

/// Stops unless there is a label for each row of logits, a token or the ignored one.
public func checkLabels(
  _ labels: Tensor<Int>, ofLogits logits: [Int], ignoring ignored: Int? = nil
) {
  require(
    logits.count >= 1 && labels.shape == Array(logits.dropLast()),
    "labels must have the shape of the logits without the vocabulary: "
      + "got \(described(labels.shape)) for \(described(logits))")
  let v = logits[logits.count - 1]
  for label in labels.storage where label != ignored {
    require(
      label >= 0 && label < v, "label \(label) is outside of the vocabulary 0 ..< \(v)")
  }
}

/// Stops unless each batch has a loss and a count that is not negative.
public func checkBatches(losses: [Int], counts: Tensor<Int>) {
  require(
    losses.count == 1 && counts.shape == losses,
    "each batch needs a loss and a count: got \(described(losses)) losses "
      + "and \(described(counts.shape)) counts")
  require(
    counts.storage.allSatisfy { $0 >= 0 }, "no count may be negative: got \(counts.storage)")
}
