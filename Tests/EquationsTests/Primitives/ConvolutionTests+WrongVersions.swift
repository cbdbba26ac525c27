import Equations
import Notation
import TestSupport

let wrongConvolutions: [WrongVersion<Convolving>] = [
  wrong("the kernel is reversed, as the mathematical convolution has it") { input in
    input.p.weight = input.p.weight.rearranged { [$0[0], $0[1], input.p.kernel - 1 - $0[2]] }
  },
  wrong("outputs and inputs are exchanged where they are as many") { input in
    guard input.p.inputs == input.p.outputs else { return }
    input.p.weight = input.p.weight.rearranged { [$0[1], $0[0], $0[2]] }
  },
  wrong("the weight is read as outputs × k × inputs where both are as many") { input in
    guard input.p.inputs == input.p.kernel else { return }
    input.p.weight = input.p.weight.rearranged { [$0[0], $0[2], $0[1]] }
  },
  wrong("the weight is read as k × inputs × outputs where both are as many") { input in
    guard input.p.outputs == input.p.kernel else { return }
    input.p.weight = input.p.weight.rearranged { [$0[2], $0[1], $0[0]] }
  },
  wrong("the bias is forgotten") { $0.p.bias = nil },
  wrong("the bias is added for each element of the kernel") { input in
    let k = Double(input.p.kernel)
    input.p.bias = input.p.bias?.map { $0 * k }
  },
  wrong("the mean over the kernel for its sum") { input in
    let k = Double(input.p.kernel)
    input.p.weight = input.p.weight.map { $0 / k }
  },
  wrong("the stride is ignored") { $0.p = $0.p.with(stride: 1) },
  wrong("the dilation is ignored") { $0.p = $0.p.with(dilation: 1) },
  wrong("stride and dilation are exchanged") { input in
    input.p = input.p.with(stride: input.p.dilation, dilation: input.p.stride)
  },
  wrong("the padding is forgotten") { $0.p = $0.p.with(.none) },
  wrong("the zeros of both sides are exchanged") { input in
    input.p = input.p.with(.zeros(left: input.margins.right, right: input.margins.left))
  },
  wrong("all zeros stand in front") { input in
    let (left, right) = input.margins
    input.p = input.p.with(.zeros(left: left + right, right: 0))
  },
  wrong("one zero less in front") { input in
    let (left, right) = input.margins
    input.p = input.p.with(.zeros(left: max(left - 1, 0), right: right))
  },
  wrong("zeros for the kernel without its dilation") { input in
    let reach = input.p.kernel - 1
    switch input.p.padding {
    case .zeros: break
    case .causal: input.p = input.p.with(.zeros(left: reach, right: 0))
    case .same: input.p = input.p.with(.zeros(left: reach / 2, right: reach - reach / 2))
    }
  },
  wrong("the first and the last position are repeated instead of zeros") { input in
    let (left, t) = (input.margins.left, input.x.shape[input.x.rank - 2])
    guard t > 0 else { return }
    let length = input.padded.shape[input.x.rank - 2]
    input.x = input.x.rows((0..<length).map { min(max($0 - left, 0), t - 1) })
    input.p = input.p.with(.none)
  },
  wrong("the sequence goes on in a circle instead of zeros") { input in
    let (left, t) = (input.margins.left, input.x.shape[input.x.rank - 2])
    guard t > 0 else { return }
    let length = input.padded.shape[input.x.rank - 2]
    input.x = input.x.rows((0..<length).map { (($0 - left) % t + t) % t })
    input.p = input.p.with(.none)
  },
  wrong("the last positions begin a result, too, though the kernel does not fit") { input in
    let (left, right) = input.margins
    input.p = input.p.with(.zeros(left: left, right: right + input.p.stride - 1))
  },
  WrongVersion("the last result is left out") { input in
    let y = correctConvolution(input)
    return y.rows(Array(0..<y.shape[y.rank - 2] - 1))
  },
  WrongVersion("no bias where the kernel sees nothing but zeros") { input in
    let y = correctConvolution(input)
    var rows = y.matrices
    let positions = input.margins.left..<input.margins.left + input.x.shape[input.x.rank - 2]
    for (i, start) in input.starts.enumerated() {
      let seen = (0..<input.p.kernel).map { start + $0 * input.p.dilation }
      if seen.contains(where: positions.contains) { continue }
      for g in 0..<rows.shape[0] {
        for o in 0..<rows.shape[2] { rows[g, i, o] = 0 }
      }
    }
    return rows.reshaped(y.shape)
  },
  WrongVersion("the first sequence stands for all") { input in
    let y = correctConvolution(input)
    let sequences = y.matrices
    return Tensor(
      shape: y.shape, storage: (0..<sequences.shape[0]).flatMap { _ in sequences.slice(0).storage })
  },
]

let wrongFields: [WrongVersion<Field>] = [
  WrongVersion("the positions before a result alone") { receptiveField(of: $0) - 1 },
  WrongVersion("kernels added up") { layers in
    layers.isEmpty ? 1 : layers.reduce(0) { $0 + $1.kernel }
  },
  WrongVersion("kernels multiplied") { $0.reduce(1) { $0 * $1.kernel } },
  WrongVersion("the dilations are ignored") { layers in
    receptiveField(of: layers.map { $0.with(dilation: 1) })
  },
  WrongVersion("the strides are ignored") { layers in
    receptiveField(of: layers.map { $0.with(stride: 1) })
  },
  WrongVersion("a stride widens its own layer, too") { layers in
    var (field, step) = (1, 1)
    for layer in layers {
      step *= layer.stride
      field += (layer.span - 1) * step
    }
    return field
  },
  WrongVersion("the strides of later layers") { receptiveField(of: $0.reversed()) },
]

/// The convolution of a changed input, if the kernel still fits.
private func wrong(
  _ name: String, _ change: @escaping @Sendable (inout Convolved<Double>) -> Void
) -> WrongVersion<Convolving> {
  WrongVersion(name) { input in
    var changed = input
    change(&changed)
    return correctConvolution(changed.starts.isEmpty ? input : changed)
  }
}

extension Convolution<Double> {
  fileprivate func with(stride: Int? = nil, dilation: Int? = nil) -> Convolution {
    Convolution(
      weight: weight, bias: bias, stride: stride ?? self.stride,
      dilation: dilation ?? self.dilation, padding: padding)
  }
}

extension Tensor<Double> {
  /// The tensor whose element at an index is this one's at another, each extent as before.
  fileprivate func rearranged(_ from: ([Int]) -> [Int]) -> Tensor {
    var result = self
    for i in 0..<shape[0] {
      for j in 0..<shape[1] {
        for l in 0..<shape[2] {
          let at = from([i, j, l])
          result[i, j, l] = self[at[0], at[1], at[2]]
        }
      }
    }
    return result
  }
}
