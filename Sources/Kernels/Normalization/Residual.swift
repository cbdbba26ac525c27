import Notation

/// A residual connection: what a sublayer gives is added to what it got.
///
/// The sublayer runs once, and its result is added by `residual(_:adding:dropout:)`.
///
/// Equation: `Equations/Normalization/Residual.swift`.
///
/// - Parameters:
///   - x: Any shape.
///   - sublayer: F, which keeps the shape.
public func residual(
  _ x: Tensor<Float>, _ sublayer: (Tensor<Float>) -> Tensor<Float>
) -> Tensor<Float> {
  residual(x, adding: sublayer(x))
}

/// A residual sublayer with its normalisation.
///
/// Differs from the equation in what goes through memory: behind the sublayer, dropout, sum and, under
/// post-norm, normalisation are one pass.
///
/// Error: see `ErrorBounds`. Equation: `Equations/Normalization/Residual.swift`.
///
/// - Parameters:
///   - x: … × d.
///   - placement: Whether x + F is normalised, or what F gets.
///   - norm: The normalisation.
///   - drop: What is dropped, in training, of what the sublayer gives.
///   - sublayer: F, which keeps the shape.
/// - Returns: What the sublayer gave, before dropout, and y.
public func residual(
  _ x: Tensor<Float>, _ placement: NormPlacement, _ norm: LayerNorm<Float>,
  dropout drop: Dropout = .none, _ sublayer: (Tensor<Float>) -> Tensor<Float>
) -> (sublayer: Tensor<Float>, output: Tensor<Float>) {
  switch placement {
  case .postNorm:
    let f = sublayer(x)
    return (f, layerNorm(x, adding: f, dropout: drop, norm))
  case .preNorm:
    let f = sublayer(layerNorm(x, norm))
    return (f, residual(x, adding: f, dropout: drop))
  }
}

/// x + dropout(f) in one pass: a residual connection whose sublayer has run.
///
/// A sum is rounded once, a dropped one as dropout and once more. A layer that has no need of a closure
/// calls this, and `layerNorm(_:adding:dropout:_:)`, with what its sublayer gave.
///
/// - Parameters:
///   - x: What the sublayer got; any shape.
///   - f: What it gave, of the same shape.
///   - drop: What is dropped of f.
public func residual(
  _ x: Tensor<Float>, adding f: Tensor<Float>, dropout drop: Dropout = .none
) -> Tensor<Float> {
  checkTerms(x.shape, f.shape)
  let dropped = drop.probability == 0 ? nil : DroppedLanes(drop)
  let elements = x.storage.withMemory { x in
    f.storage.withMemory { f in
      [Float].written(x.count) { y in
        Threads.share(numbers: x.count) { numbers in
          add(
            x.part(numbers), f.part(numbers), dropping: dropped, at: numbers.lowerBound,
            into: y.part(numbers))
        }
      }
    }
  }
  return Tensor(shape: x.shape, storage: elements)
}

/// LayerNorm(x + dropout(f)) in one pass over memory: the sum of a row stays in L1 until it is
/// normalised.
///
/// The bits are those of `layerNorm(residual(x, adding: f, dropout: drop), p)`.
///
/// - Parameters:
///   - x: What the sublayer got, … × d.
///   - f: What it gave, of the same shape.
///   - drop: What is dropped of f.
///   - p: γ, β, ε, and where ε stands.
public func layerNorm(
  _ x: Tensor<Float>, adding f: Tensor<Float>, dropout drop: Dropout = .none,
  _ p: LayerNorm<Float>
) -> Tensor<Float> {
  checkTerms(x.shape, f.shape)
  p.checkWidth(of: x.shape)
  let d = p.width
  let dropped = drop.probability == 0 ? nil : DroppedLanes(drop)
  let elements = [Float].written(x.count) { y in
    x.storage.withMemory { x in
      f.storage.withMemory { f in
        p.withRowNorm { norm in
          guard d > 0 else { return }
          Threads.share(rows: x.count / d, width: d) { row in
            let (start, sum) = (row * d, y.part(row * d, d))
            add(x.part(start, d), f.part(start, d), dropping: dropped, at: start, into: sum)
            norm.normalize(sum, into: sum)
          }
        }
      }
    }
  }
  return Tensor(shape: x.shape, storage: elements)
}

/// Writes x + f, or x + dropout(f), the first being element `index` of the dropout.
func add(
  _ x: Memory<Float>, _ f: Memory<Float>, dropping dropped: DroppedLanes?, at index: Int,
  into y: Memory<Float>
) {
  var i = 0
  if let dropped {
    while i + lanes <= y.count {
      y.store(x.vector(i) + dropped(f.vector(i), at: index + i), i)
      i += lanes
    }
  } else {
    while i + lanes <= y.count {
      y.store(x.vector(i) + f.vector(i), i)
      i += lanes
    }
  }
  let rest = y.count - i
  let tail = f.vector(i, first: rest)
  y.store(x.vector(i, first: rest) + (dropped?(tail, at: index + i) ?? tail), i, first: rest)
}
