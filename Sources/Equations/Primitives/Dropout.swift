import Notation

/// Dropout: a share of the elements becomes 0, the others grow so that their mean stays.
///
///     y_i = x_i / (1 − p) where u_i ≥ p, 0 elsewhere
///
/// - Parameters:
///   - x: Any shape; i counts its elements in row-major order.
///   - drop: p, and the seed of u; `.none` changes nothing, which is evaluation.
/// - Returns: The shape of x. A dropped element is 0 whatever it was; with p = 1 all are.
///
/// ATT-13. N. Srivastava et al. 2014. SPEC.md, Dropout.
@specialized(where S == Float)
@specialized(where S == Double)
public func dropout<S: Scalar>(_ x: Tensor<S>, _ drop: Dropout) -> Tensor<S> {
  if drop.probability == 0 { return x }
  let keep = dropoutMask(shape: x.shape, drop)
  let rest = S(1 - drop.probability)
  return Tensor(
    shape: x.shape, storage: zip(x.storage, keep.storage).map { x, isKept in isKept ? x / rest : 0 }
  )
}

/// Which elements dropout keeps.
///
///     keep_i = (u_i ≥ p),  u_i = (word_i >> 40) · 2⁻²⁴
///
/// - Parameters:
///   - shape: The shape of what is dropped from.
///   - drop: p, and the seed of the words.
public func dropoutMask(shape: [Int], _ drop: Dropout) -> Tensor<Bool> {
  Tensor(shape: shape, storage: (0..<shape.reduce(1, *)).map { drop.keeps($0) })
}
