import Equations
import Notation

/// The largest error that the vectors of tokens may have, element by element.
///
///     unscaled        0
///     rootModelWidth  2u |e| + η
///
/// The root is rounded, and so is the product.
///
/// - Parameters:
///   - tokens: Any shape.
///   - table: E, v × d.
///   - scale: What the vectors are multiplied by.
///   - zeroed: A token whose vector is zeros.
///   - arithmetic: Whose vectors they are.
/// - Returns: … × d; of no meaning where the vectors are not finite.
public func tokenEmbeddingBound(
  _ tokens: Tensor<Int>, table: Tensor<Double>, scale: EmbeddingScale = .none,
  zeroing zeroed: Int? = nil, in arithmetic: Arithmetic = .kernel
) -> Tensor<Double> {
  embedded(tokens, table: table, scale: scale, zeroing: zeroed, in: arithmetic).errors
}

/// The largest error that what goes into the first layer may have, element by element.
///
/// The errors of vectors and positions, the sum's rounding, and what dropout makes of them.
///
/// - Parameters:
///   - tokens: … × t.
///   - table: E, v × d.
///   - positions: PE.
///   - offset: The position of the first token.
///   - scale: What the vectors are multiplied by.
///   - drop: What is dropped.
///   - arithmetic: Whose it is.
/// - Returns: … × t × d; of no meaning where the result is not finite.
public func transformerEmbeddingBound(
  _ tokens: Tensor<Int>, table: Tensor<Double>, positions: PositionalEncoding<Double>,
  offset: Int = 0, scale: EmbeddingScale = .none, dropout drop: Dropout = .none,
  in arithmetic: Arithmetic = .kernel
) -> Tensor<Double> {
  dropout(
    transformerEmbedding(
      tokens, table: table, positions: positions, offset: offset, scale: scale, in: arithmetic),
    drop, in: arithmetic
  ).errors
}

/// The vectors of tokens and their positions, from tables that are known exactly.
func transformerEmbedding(
  _ tokens: Tensor<Int>, table: Tensor<Double>, positions: PositionalEncoding<Double>,
  offset: Int = 0, scale: EmbeddingScale, in arithmetic: Arithmetic
) -> Enclosure {
  let vectors = embedded(tokens, table: table, scale: scale, zeroing: nil, in: arithmetic)
  return addPositions(vectors, positions, offset: offset, in: arithmetic)
}

/// The vectors of tokens, from a table that is known exactly.
private func embedded(
  _ tokens: Tensor<Int>, table: Tensor<Double>, scale: EmbeddingScale, zeroing zeroed: Int?,
  in arithmetic: Arithmetic
) -> Enclosure {
  let vectors = tokenEmbedding(tokens, table: table, scale: scale, zeroing: zeroed)
  if scale == .none { return Enclosure(vectors) }
  return Enclosure(
    vectors,
    errors: vectors.map {
      // The factor makes up for the product of two roundings.
      2.001 * arithmetic.unitRoundoff * abs($0) + arithmetic.smallestNormal
    })
}
