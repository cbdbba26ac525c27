import Equations
import Notation
import TestSupport

// MARK: - Attention inside windows

let wrongInsides: [WrongVersion<InsideFunction>] =
  wrongAttentionParameters.map { version in
    wrongInside("it \(version.name)") { version.implementation(&$0.p.attention) }
  } + wrongBiases + wrongMasks

private let wrongMasks: [WrongVersion<InsideFunction>] = [
  wrongInside("the mask is forgotten") { $0.mask = nil },
  wrongInside("the mask is turned round") { $0.mask = $0.mask?.map { !$0 } },
  wrongInside("keys and queries of the mask are exchanged") { $0.mask = $0.mask?.transposed },
  wrongInside("the first window's mask is everybody's") { input in
    guard let mask = input.mask else { return }
    let n = mask.shape[0]
    input.mask = Tensor(
      shape: mask.shape, storage: (0..<n).flatMap { _ in mask.slice(0).storage })
  },
  wrongInside("−100 is added where scores are excluded") { input in
    if input.fill == .excluded { input.fill = .added(-100) }
  },
  wrongInside("scores are excluded where −100 is added") { input in
    if input.fill == .added(-100) { input.fill = .excluded }
  },
]

private let wrongBiases: [WrongVersion<InsideFunction>] = [
  wrongInside("no bias is added") { $0.p.biasTable = $0.p.biasTable.map { _ in 0 } },
  wrongInside("the bias is that of the way from query to key") { input in
    let table = input.p.biasTable
    input.p.biasTable = table.rows((0..<table.shape[0]).reversed())
  },
  wrongInside("rows and columns of an offset are exchanged") { input in
    let side = 2 * input.p.windowSize - 1
    input.p.biasTable = input.p.biasTable.rows(
      (0..<side * side).map { $0 % side * side + $0 / side })
  },
  wrongInside("all heads have the first's bias") { input in
    let heads = input.p.attention.heads
    input.p.biasTable = input.p.biasTable.columns(Array(repeating: 0, count: heads))
  },
  wrongInside("the bias is scaled with the scores") { input in
    let dk = input.p.attention.key.outputs / input.p.attention.heads
    input.p.biasTable = input.p.biasTable.map { $0 / Double(dk).squareRoot() }
  },
  WrongVersion("the bias is added to the weights") { input in
    var plain = input
    plain.p.biasTable = input.p.biasTable.map { _ in 0 }
    var steps = insideEquation(plain)
    let bias = relativePositionBias(input.p)
    let weights = steps.attention.weights
    steps.attention.weights =
      weights
      + bias.reshaped(Array(repeating: 1, count: weights.rank - 3) + bias.shape)
      .broadcast(to: weights.shape)
    steps.attention.output = matrixProduct(steps.attention.weights, steps.valueHeads)
    steps.concatenated = concatenateHeads(steps.attention.output)
    steps.output = affineMap(steps.concatenated, input.p.attention.output)
    return steps
  },
]

private func wrongInside(
  _ name: String, _ change: @escaping @Sendable (inout InsideCase<Double>) -> Void
) -> WrongVersion<InsideFunction> {
  WrongVersion(name, of: insideEquation, given: change)
}

// MARK: - Attention inside shifted windows

let wrongShifteds: [WrongVersion<ShiftedFunction>] = [
  moved("the windows are not shifted") { input in (0, nil, 0) },
  moved("the map is not moved back") { input in (input.shift, input.mask(), 0) },
  moved("the map is moved on, not back") { input in (input.shift, input.mask(), input.shift) },
  moved("the windows are shifted up and to the left") { input in
    (-input.shift, input.mask(), input.shift)
  },
  moved("nothing is hidden") { input in (input.shift, nil, -input.shift) },
  moved("windows are cut after s rows, not before the last s") { input in
    let m = input.p.windowSize
    return (input.shift, input.mask(shift: (m - input.shift) % m), -input.shift)
  },
  moved("what is together is hidden") { input in
    (input.shift, input.mask().map { !$0 }, -input.shift)
  },
  WrongVersion("a map of one row or column of windows is shifted, too") { input in
    movedAndBack(input, by: input.shift, mask: input.mask(), back: -input.shift)
  },
  WrongVersion("windows at the border are filled up with zeros that are seen") { input in
    padded(input, isHidden: false)
  },
  WrongVersion("−10 is added where scores are excluded") { input in
    var other = input
    if input.fill == .excluded { other.fill = .added(-10) }
    return shiftedEquation(other)
  },
  WrongVersion("scores are excluded where a number is added") { input in
    var other = input
    other.fill = .excluded
    return shiftedEquation(other)
  },
  WrongVersion("no bias is added") { input in
    var other = input
    other.p.biasTable = input.p.biasTable.map { _ in 0 }
    return shiftedEquation(other)
  },
]

/// A wrong way to move a map, to hide and to move back, for maps that are to be moved.
private func moved(
  _ name: String,
  _ way: @escaping @Sendable (ShiftedCase<Double>) -> (by: Int, mask: Tensor<Bool>?, back: Int)
) -> WrongVersion<ShiftedFunction> {
  WrongVersion(name) { input in
    let (height, width) = (input.x.shape[input.x.rank - 3], input.x.shape[input.x.rank - 2])
    guard min(height, width) > input.p.windowSize else { return shiftedEquation(input) }
    let (s, mask, back) = way(input)
    return movedAndBack(input, by: s, mask: mask, back: back)
  }
}

private func movedAndBack(
  _ input: ShiftedCase<Double>, by s: Int, mask: Tensor<Bool>?, back: Int
) -> Tensor<Double> {
  let (x, m) = (input.x, input.p.windowSize)
  let y = windowAttention(
    windows(cyclicShift(x, by: s), size: m), input.p, mask: mask, fill: input.fill)
  return cyclicShift(
    joinedWindows(y, size: m, height: x.shape[x.rank - 3], width: x.shape[x.rank - 2]), by: back)
}

extension ShiftedCase<Double> {
  /// The mask of the map, of the case's shift or another.
  fileprivate func mask(shift s: Int? = nil) -> Tensor<Bool> {
    shiftedWindowMask(
      height: x.shape[x.rank - 3], width: x.shape[x.rank - 2], window: p.windowSize,
      shift: s ?? shift)
  }
}
