/// A function of one number, applied to every element.
///
/// What is called GELU is two functions: x Φ(x) itself and an approximation of it by tanh. They differ
/// by up to 5e-4 (SPEC.md, Activations).
public enum Activation: Hashable, Sendable, CaseIterable {
  /// y = x.
  case identity
  /// y = max(x, 0), and NaN for NaN.
  case relu
  /// y = x Φ(x), with the distribution function of the normal distribution.
  case gelu
  /// y = x/2 (1 + tanh(√(2/π) (x + 0.044715 x³))).
  case geluTanh
  /// y = 1 / (1 + exp(−x)).
  case sigmoid
  /// y = tanh x.
  case tanh
}
