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
