import Notation

/// The position-wise feed-forward network: two affine maps, the same for every position.
///
///     FFN(x) = W₂ dropout(activation(W₁ x + b₁)) + b₂        … × dModel
///
/// - Parameters:
///   - x: … × dModel.
///   - p: The two maps, and the activation between them: max(0, ·) in all five documents.
///   - drop: What is dropped in training.
///
/// FFN-1 to FFN-3. Vaswani et al. 2017, equation 2. SPEC.md, Feed-forward.
@specialized(where S == Float)
@specialized(where S == Double)
public func feedForward<S: Scalar>(
  _ x: Tensor<S>, _ p: FeedForward<S>, dropout drop: Dropout = .none
) -> Tensor<S> {
  affineMap(dropout(affineMap(x, p.inner, activation: p.activation), drop), p.outer)
}
