import Notation

/// A convolution over positions: each result is one affine map of the positions that its kernel sees.
///
///     y_t = Σ_j W_j x_(t·stride + j·dilation − left) + b,  j = 0 … k − 1        … × t′ × outputs
///
/// It is a cross-correlation, as in every framework: the kernel is not reversed. W_j is the slice j of
/// the weight, outputs × inputs; x is 0 outside of the sequence.
///
/// - Parameters:
///   - x: … × t × inputs.
///   - p: The parameters.
/// - Returns: … × t′ × outputs, with t′ = ⌊(left + t + right − span) / stride⌋ + 1. A sequence, zeros
///   included, that is shorter than the kernel's span is refused.
///
/// CNN-1. SPEC.md, Convolution.
@specialized(where S == Float)
@specialized(where S == Double)
public func convolution<S: Scalar>(_ x: Tensor<S>, _ p: Convolution<S>) -> Tensor<S> {
  let shape = ConvolutionShape(x, p)
  let sequences = x.matrices
  var y = Tensor<S>(shape: [shape.groups, shape.results, p.outputs], repeating: 0)
  for g in 0..<shape.groups {
    for i in 0..<shape.results {
      for o in 0..<p.outputs {
        var sum: S = 0
        for j in 0..<p.kernel {
          let position = i * p.stride + j * p.dilation - p.zeros.left
          guard 0..<shape.t ~= position else { continue }
          for c in 0..<p.inputs { sum += p.weight[o, c, j] * sequences[g, position, c] }
        }
        if let b = p.bias { sum += b[o] }
        y[g, i, o] = sum
      }
    }
  }
  return y.reshaped(shape.output)
}

/// How many positions one result of a stack of convolutions depends on, from the first to the last.
///
///     1 + Σ_l (k_l − 1) · dilation_l · stride_0 ⋯ stride_(l−1)
///
/// With stride and dilation 1 and one kernel size that is 1 + L (k − 1) for L layers.
///
/// - Parameter layers: The convolutions, first to last; without any a result is its own position.
///
/// CNN-1. SPEC.md, Convolution.
public func receptiveField<S: Scalar>(of layers: [Convolution<S>]) -> Int {
  var (field, step) = (1, 1)
  for layer in layers {
    field += (layer.span - 1) * step
    step *= layer.stride
  }
  return field
}
