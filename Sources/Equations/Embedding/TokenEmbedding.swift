import Notation

/// The vectors of tokens: rows of a table.
///
///     e_i = E[token_i] = onehot(token_i) E        … × d
///
/// - Parameters:
///   - tokens: Any shape, each token in 0 ..< v.
///   - table: E, v × d.
///   - scale: What the vectors are multiplied by.
///   - zeroed: A token whose vector is zeros, whatever its row holds; `nil` for none.
/// - Returns: … × d.
///
/// EMB-1, EMB-3. SPEC.md, Token embedding.
@specialized(where S == Float)
@specialized(where S == Double)
public func tokenEmbedding<S: Scalar>(
  _ tokens: Tensor<Int>, table: Tensor<S>, scale: EmbeddingScale = .none,
  zeroing zeroed: Int? = nil
) -> Tensor<S> {
  let d = embeddingWidth(tokens, table: table)
  let factor: S =
    switch scale {
    case .none: 1
    case .rootModelWidth: S.sqrt(S(Double(d)))
    }
  let vectors = tokens.storage.flatMap { token in
    token == zeroed
      ? Array(repeating: 0, count: d) : table.slice(token).storage.map { $0 * factor }
  }
  return Tensor(shape: tokens.shape + [d], storage: vectors)
}

/// What goes into the first layer: the vectors of tokens, and where they stand.
///
///     x = dropout(E[token] + PE[0 ..< t])        … × t × d
///
/// - Parameters:
///   - tokens: … × t.
///   - table: E, v × d.
///   - positions: PE.
///   - offset: The position of the first token; above 0 if earlier ones are in a cache.
///   - scale: What the vectors are multiplied by before the sum.
///   - drop: What is dropped in training.
///
/// EMB-2. Document 002, `TransformerEmbedding`. SPEC.md, Token embedding.
@specialized(where S == Float)
@specialized(where S == Double)
public func transformerEmbedding<S: Scalar>(
  _ tokens: Tensor<Int>, table: Tensor<S>, positions: PositionalEncoding<S>, offset: Int = 0,
  scale: EmbeddingScale = .none, dropout drop: Dropout = .none
) -> Tensor<S> {
  dropout(
    addPositions(
      tokenEmbedding(tokens, table: table, scale: scale), positions, offset: offset), drop)
}
