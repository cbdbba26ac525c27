import Notation

/// The vectors of tokens: rows of a table, copied or scaled.
///
/// The bits are those of the equation in `Float`.
///
/// Error: one rounding, and that of the scale, see `ErrorBounds`.
/// Equation: `Equations/Embedding/TokenEmbedding.swift`.
///
/// - Parameters:
///   - tokens: Any shape, each token in 0 ..< v.
///   - table: E, v × d.
///   - scale: What the vectors are multiplied by.
///   - zeroed: A token whose vector is zeros, whatever its row holds; `nil` for none.
/// - Returns: … × d.
public func tokenEmbedding(
  _ tokens: Tensor<Int>, table: Tensor<Float>, scale: EmbeddingScale = .none,
  zeroing zeroed: Int? = nil
) -> Tensor<Float> {
  let d = embeddingWidth(tokens, table: table)
  let factor = scale.factor(width: d)
  let elements = [Float].written(tokens.count * d) { y in
    tokens.storage.withMemory { tokens in
      table.storage.withMemory { table in
        Threads.share(rows: tokens.count, width: d) { i in
          let vector = y.part(i * d, d)
          if tokens[i] == zeroed {
            vector.fill(0)
          } else {
            write(table.part(tokens[i] * d, d), times: factor, into: vector)
          }
        }
      }
    }
  }
  return Tensor(shape: tokens.shape + [d], storage: elements)
}

/// What goes into the first layer, in one pass: the vectors of tokens, and where they stand.
///
/// Differs from the equation in that the product with the scale is not rounded before the sum. A
/// position's vector is computed once for all sentences.
///
/// Error: see `ErrorBounds`. Equation: `Equations/Embedding/TokenEmbedding.swift`.
///
/// - Parameters:
///   - tokens: … × t.
///   - table: E, v × d.
///   - positions: PE.
///   - offset: The position of the first token; above 0 if earlier ones are in a cache.
///   - scale: What the vectors are multiplied by before the sum.
///   - drop: What is dropped in training.
public func transformerEmbedding(
  _ tokens: Tensor<Int>, table: Tensor<Float>, positions: PositionalEncoding<Float>,
  offset: Int = 0, scale: EmbeddingScale = .none, dropout drop: Dropout = .none
) -> Tensor<Float> {
  let d = embeddingWidth(tokens, table: table)
  let shape = tokens.shape + [d]
  checkSequence(shape)
  let t = shape[shape.count - 2]
  positions.check(length: t, width: d, offset: offset)
  let factor = scale.factor(width: d)
  let dropped = drop.probability == 0 ? nil : DroppedLanes(drop)
  let elements = [Float].written(tokens.count * d) { y in
    tokens.storage.withMemory { tokens in
      table.storage.withMemory { table in
        positions.withRows(width: d, offset: offset) { rows in
          guard y.count > 0 else { return }
          let sentences = tokens.count / t
          Threads.share(rows: t, width: sentences * d) { i in
            let position = rows.row(i, writtenTo: y.part(i * d, d))
            // The first sentence comes last: its place may hold the position until then.
            for g in (0..<sentences).reversed() {
              let place = g * t + i
              add(
                position, table.part(tokens[place] * d, d), times: factor, dropping: dropped,
                at: place * d, into: y.part(place * d, d))
            }
          }
        }
      }
    }
  }
  return Tensor(shape: shape, storage: elements)
}

extension EmbeddingScale {
  fileprivate func factor(width d: Int) -> Float {
    switch self {
    case .none: 1
    case .rootModelWidth: Float(d).squareRoot()
    }
  }
}

/// Writes x times the factor.
private func write(_ x: Memory<Float>, times factor: Float, into y: Memory<Float>) {
  var i = 0
  while i + lanes <= y.count {
    y.store(x.vector(i) * factor, i)
    i += lanes
  }
  y.store(x.vector(i, first: y.count - i) * factor, i, first: y.count - i)
}

/// Writes dropout(x + factor e), the first being element `index` of the dropout.
private func add(
  _ x: Memory<Float>, _ e: Memory<Float>, times factor: Float, dropping dropped: DroppedLanes?,
  at index: Int, into y: Memory<Float>
) {
  let factor = Vector(repeating: factor)
  var i = 0
  if let dropped {
    while i + lanes <= y.count {
      y.store(dropped(x.vector(i).addingProduct(e.vector(i), factor), at: index + i), i)
      i += lanes
    }
  } else {
    while i + lanes <= y.count {
      y.store(x.vector(i).addingProduct(e.vector(i), factor), i)
      i += lanes
    }
  }
  let rest = y.count - i
  let tail = x.vector(i, first: rest).addingProduct(e.vector(i, first: rest), factor)
  y.store(dropped?(tail, at: index + i) ?? tail, i, first: rest)
}
