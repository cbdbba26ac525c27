/// From which numbers the weight of an affine map is drawn.
public enum WeightInitialization: Hashable, Sendable, CaseIterable {
  /// U(−b, b) with b = 1 / √inputs, as for the bias: PyTorch's default, and so 000 and 004.
  case pyTorch
  /// U(−b, b) with b = √(6 / inputs), for maps before ReLU: He et al. 2015, 002.
  case kaiming
}
