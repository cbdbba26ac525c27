import Equations
import Foundation
import Notation
import TestSupport

let wrongAttentions: [WrongVersion<Attention>] = [
  wrong("divided by dk, not by its root") { input in
    if input.scale == .rootKeyWidth, input.shape.dk > 0 {
      input.scale = .factor(1 / Double(input.shape.dk))
    }
  },
  wrong("not scaled") { $0.scale = .factor(1) },
  wrong("divided by √dModel where √dk is meant (ERR-03)") { input in
    if input.scale == .rootKeyWidth { input.scale = .rootModelWidth(3 * max(input.shape.dk, 1)) }
  },
  wrong("divided by √dk where √dModel is meant") { input in
    if case .rootModelWidth = input.scale { input.scale = .rootKeyWidth }
  },
  wrong("divided by √dv") { input in
    if input.scale == .rootKeyWidth { input.scale = .rootModelWidth(input.shape.dv) }
  },
  wrong("divided by the factor that should multiply") { input in
    if case .factor(let factor) = input.scale, factor != 0 { input.scale = .factor(1 / factor) }
  },
  wrong("the diagonal is hidden (ERR-06)") { input in
    if let offset = input.mask.causalOffset { input.mask.causalOffset = offset - 1 }
  },
  wrong("one key too many is visible") { input in
    if let offset = input.mask.causalOffset { input.mask.causalOffset = offset + 1 }
  },
  wrong("causal from the bottom right") { input in
    if let offset = input.mask.causalOffset {
      input.mask.causalOffset = offset + input.shape.m - input.shape.n
    }
  },
  wrong("the mask is ignored") { $0.mask.keep = nil },
  wrong("the mask is inverted") { $0.mask.keep = $0.mask.keep?.map { !$0 } },
  wrong("the bias is ignored") { $0.mask.bias = nil },
  wrong("the bias is subtracted") { $0.mask.bias = $0.mask.bias?.map { -$0 } },
  wrong("the bias is scaled with the scores") { input in
    let factor = input.scale.factor(keyWidth: input.shape.dk)
    input.mask.bias = input.mask.bias?.map { $0 * factor }
  },
  wrong("−1e4 for an excluded key (ERR-33)") { input in
    if input.fill == .excluded { input.fill = .replaced(by: -1e4) }
  },
  wrong("−∞ for an excluded key: a fully masked row is NaN") { input in
    if input.fill == .excluded { input.fill = .replaced(by: -.infinity) }
  },
  wrong("the fill is scaled where it is not meant to be") { input in
    if case .replaced(let f) = input.fill { input.fill = .replacedBeforeScaling(by: f * 1.5) }
  },
  wrong("the fill is added where it replaces (ERR-07)") { input in
    if case .replaced(let f) = input.fill { input.fill = .added(f) }
  },
  wrong("the fill replaces where it is added") { input in
    if case .added(let f) = input.fill { input.fill = .replaced(by: f) }
  },
  wrong("the values are those of the keys' neighbours") { input in
    let m = input.shape.m
    guard m > 1 else { return }
    let v = input.v.matrices
    let turned = (0..<v.shape[0]).flatMap { g -> [Double] in
      let elements = v.slice(g).storage
      return Array(elements.dropFirst(input.shape.dv) + elements.prefix(input.shape.dv))
    }
    input.v = Tensor(shape: input.v.shape, storage: turned)
  },
  wrong("a sentence's mask goes to the head of its number (ERR-14)") { input in
    guard let keep = input.mask.keep, keep.rank == 4, keep.shape[0] == input.shape.leading[1],
      keep.shape[1] == 1
    else { return }
    input.mask.keep = keep.reshaped([1, keep.shape[0]] + keep.shape.suffix(2))
  },
  WrongVersion("softmax over the queries") { input in
    var steps = equation(input)
    steps.weights = softmax(steps.maskedScores.transposed).transposed
    return weighted(steps, input)
  },
  WrongVersion("softmax without its shift, in Float") { input in
    var steps = equation(input)
    let m = input.shape.m
    var weights = steps.maskedScores.rows
    for i in 0..<weights.shape[0] {
      let e = (0..<m).map { exp(Float(weights[i, $0])) }
      let sum = e.reduce(0, +)
      for j in 0..<m { weights[i, j] = Double(e[j] / sum) }
    }
    steps.weights = weights.reshaped(input.shape.scores)
    return weighted(steps, input)
  },
  WrongVersion("weights are masked after the softmax") { input in
    var steps = equation(input)
    guard !input.mask.isEmpty else { return steps }
    let visible = visibleKeys(input.mask, fill: .excluded, shape: input.shape.scores)
    let weights = softmax(steps.scores)
    steps.weights = Tensor(
      shape: weights.shape, storage: zip(weights.storage, visible.storage).map { $1 ? $0 : 0 })
    return weighted(steps, input)
  },
  WrongVersion("a hidden value is multiplied by its weight of zero") { input in
    weighted(equation(input), input)
  },
  WrongVersion("a fully masked row is uniform") { input in
    var steps = equation(input)
    guard input.fill == .excluded else { return steps }
    let visible = visibleKeys(input.mask, fill: .excluded, shape: input.shape.scores).rows
    var weights = steps.weights.rows
    for i in 0..<visible.shape[0] where !(0..<input.shape.m).contains(where: { visible[i, $0] }) {
      for j in 0..<input.shape.m { weights[i, j] = 1 / Double(input.shape.m) }
    }
    steps.weights = weights.reshaped(input.shape.scores)
    return weighted(steps, input)
  },
  WrongVersion("scores stand for weights (ERR-25)") { input in
    var steps = equation(input)
    steps.weights = steps.maskedScores.map { $0 == -.infinity ? 0 : $0 }
    return weighted(steps, input)
  },
  WrongVersion("weights stand for the output (ERR-21)") { input in
    var steps = equation(input)
    guard input.shape.dv <= input.shape.m else { return steps }
    let weights = steps.weights.rows
    steps.output = Tensor(
      shape: input.shape.output,
      storage: (0..<weights.shape[0]).flatMap { weights.slice($0).storage.prefix(input.shape.dv) })
    return steps
  },
]

private func wrong(
  _ name: String, _ change: @escaping @Sendable (inout AttentionCase) -> Void
) -> WrongVersion<Attention> {
  WrongVersion(name, of: equation, given: change)
}

/// The steps with their output as the plain product of weights and values.
private func weighted(
  _ steps: AttentionSteps<Double>, _ input: AttentionCase
) -> AttentionSteps<Double> {
  var steps = steps
  steps.output = matrixProduct(steps.weights, input.v)
  return steps
}
