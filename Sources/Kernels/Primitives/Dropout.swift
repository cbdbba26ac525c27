import Notation

/// Dropout, the words of eight or sixteen elements side by side.
///
/// The bits are those of the equation in `Float`. Words cost more than memory: 0.55 ns an element, of
/// which a copy takes a quarter, where PyTorch, with a stream of its own, takes 5 to 8 ns.
///
/// Error: see `ErrorBounds`. Equation: `Equations/Primitives/Dropout.swift`.
///
/// - Parameters:
///   - x: Any shape; i counts its elements in row-major order.
///   - drop: p, and the seed of u; `.none` changes nothing, which is evaluation.
/// - Returns: The shape of x.
public func dropout(_ x: Tensor<Float>, _ drop: Dropout) -> Tensor<Float> {
  if drop.probability == 0 { return x }
  let dropped = DroppedLanes(drop)
  let elements = [Float].written(x.count) { y in
    x.storage.withMemory { x in
      Threads.share(numbers: x.count) { numbers in
        forEachVector(numbers) { i, length in
          y.store(dropped(x.vector(i, first: length), at: i), i, first: length)
        }
      }
    }
  }
  return Tensor(shape: x.shape, storage: elements)
}
