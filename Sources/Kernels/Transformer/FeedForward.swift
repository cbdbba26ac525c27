import Notation

/// A position-wise feed-forward network: W₂ · dropout(activation(W₁ x + b₁)) + b₂.
///
/// Differs from the equation as its parts do, `affineMap` and `dropout`; the activation is part of the
/// first product's epilogue.
///
/// Error: see `ErrorBounds`. Equation: `Equations/Transformer/FeedForward.swift`.
///
/// - Parameters:
///   - x: … × dModel.
///   - p: The two maps, and what stands between them.
///   - drop: What is dropped between the maps, in training.
/// - Returns: … × the outer map's width.
public func feedForward(
  _ x: Tensor<Float>, _ p: FeedForward<Float>, dropout drop: Dropout = .none
) -> Tensor<Float> {
  let inner = affineMap(x, p.inner, activation: p.activation)
  return affineMap(drop.probability == 0 ? inner : dropout(inner, drop), p.outer)
}
