import Equations
import Notation
import TestSupport

let wrongDecoderLayers: [WrongVersion<DecoderLayerFunction<Double>>] =
  wrongSublayers(0, "the self-attention") + wrongSublayers(1, "the cross-attention")
  + wrongSublayers(2, "the network")
  + wrongAttentionParameters.map { version in
    wrong("the self-attention \(version.name)") { version.implementation(&$0.p.selfAttention) }
  }
  + wrongAttentionParameters.map { version in
    wrong("the cross-attention \(version.name)") { version.implementation(&$0.p.crossAttention) }
  }
  + wrongNetworkParameters.map { version in
    wrong("the network \(version.name)") { version.implementation(&$0.p.feedForward) }
  } + wrongParameters + wrongMasks + wrongOrders + wrongMemories

/// Sublayer k joined wrongly to what it gets.
private func wrongSublayers(
  _ k: Int, _ name: String
) -> [WrongVersion<DecoderLayerFunction<Double>>] {
  wrongJoins.map { join in
    assembled("\(name) \(join.name)") { $0.joins[k] = join.implementation }
  }
}

private let wrongParameters: [WrongVersion<DecoderLayerFunction<Double>>] = [
  wrong("both attentions have the first's parameters") { $0.p.crossAttention = $0.p.selfAttention },
  wrong("the attentions' parameters are exchanged") {
    ($0.p.selfAttention, $0.p.crossAttention) = ($0.p.crossAttention, $0.p.selfAttention)
  },
  wrong("the second norm has the first's parameters") {
    $0.p.crossAttentionNorm = $0.p.selfAttentionNorm
  },
  wrong("the third norm has the second's parameters") {
    $0.p.feedForwardNorm = $0.p.crossAttentionNorm
  },
  wrong("the third norm has the first's parameters") {
    $0.p.feedForwardNorm = $0.p.selfAttentionNorm
  },
  wrong("the first two norms are exchanged") {
    ($0.p.selfAttentionNorm, $0.p.crossAttentionNorm) =
      ($0.p.crossAttentionNorm, $0.p.selfAttentionNorm)
  },
  wrong("without a memory the last norm is the second") { input in
    if input.memory == nil { input.p.feedForwardNorm = input.p.crossAttentionNorm }
  },
  assembled("without a memory the second norm is applied all the same") { layer in
    guard layer.cross == nil else { return }
    layer.cross = { x in x.map { _ in 0 } }
    layer.joins[1] = { x, _, norm, f in (f(x), layerNorm(x, norm)) }
  },
]

private let wrongMasks: [WrongVersion<DecoderLayerFunction<Double>>] = [
  wrong("the causal rule is forgotten") { $0.mask.causalOffset = nil },
  wrong("the next position is seen") { input in
    input.mask.causalOffset = input.mask.causalOffset.map { $0 + 1 }
  },
  wrong("a position does not see itself") { input in
    input.mask.causalOffset = input.mask.causalOffset.map { $0 - 1 }
  },
  wrong("every layer is causal") { $0.mask.causalOffset = 0 },
  wrong("the cross-attention is causal") { $0.memoryMask.causalOffset = 0 },
  wrong("padding of the target is seen") { $0.mask.keep = nil },
  wrong("padding of the memory is seen") { $0.memoryMask.keep = nil },
  wrong("the target's padding hides the memory") { input in
    let (t, s) = (input.x.shape[1], input.memory?.shape[1] ?? 0)
    input.memoryMask.keep = t == s ? input.mask.keep : nil
  },
  wrong("the memory's padding hides the target") { input in
    let (t, s) = (input.x.shape[1], input.memory?.shape[1] ?? 0)
    input.mask.keep = t == s ? input.memoryMask.keep : nil
  },
  wrong("the words of the memory are hidden, not its padding") { input in
    input.memoryMask.keep = input.memoryMask.keep?.map { !$0 }
  },
  wrong("a sentence's padding goes to the head of its number (ERR-14)") { input in
    func turned(_ keep: Tensor<Bool>?) -> Tensor<Bool>? {
      guard let keep, keep.shape[0] == input.p.selfAttention.heads else { return keep }
      return keep.reshaped([1, keep.shape[0], 1, keep.shape[3]])
    }
    (input.mask.keep, input.memoryMask.keep) = (
      turned(input.mask.keep), turned(input.memoryMask.keep)
    )
  },
  wrong("−10000 for the score of what is excluded") { input in
    if input.fill == .excluded { input.fill = .replaced(by: -10000) }
  },
  wrong("hidden scores are excluded where −10000 replaces them") { input in
    if input.fill == .replaced(by: -10000) { input.fill = .excluded }
  },
  wrong("dropout goes on in evaluation") { input in
    input.drop = LayerDropout(Dropout(probability: 0.1, seed: 1), at: .pyTorch)
  },
]

private let wrongOrders: [WrongVersion<DecoderLayerFunction<Double>>] = [
  assembled("the cross-attention comes before the self-attention") { layer in
    guard let cross = layer.cross else { return }
    (layer.own, layer.cross) = (cross, layer.own)
    layer.norms.swapAt(0, 1)
  },
  assembled("the network comes before the cross-attention") { layer in
    guard let cross = layer.cross else { return }
    (layer.network, layer.cross) = (cross, layer.network)
    layer.norms.swapAt(1, 2)
  },
  assembled("the order of 003 §7: ReLU, norm, map, and then the sum (ERR-43)") { layer in
    guard let cross = layer.cross else { return }
    let (network, norm) = (layer.network, layer.norms[2])
    layer.joins[1] = { x, _, _, f in (f(x), x) }
    layer.network = { x in network(layerNorm(activate(cross(x), .relu), norm)) }
    layer.joins[2] = { x, _, _, f in
      let y = f(x)
      return (y, x + y)
    }
  },
  WrongVersion("there is no network") { input in
    var steps = decoderLayerEquation(input)
    steps.output = steps.afterCrossAttention
    return steps
  },
  wrong("there is no attention to the memory") { $0.memory = nil },
  WrongVersion("a norm follows a pre-norm layer") { input in
    var steps = decoderLayerEquation(input)
    if input.p.placement == .preNorm {
      steps.output = layerNorm(steps.output, input.p.feedForwardNorm)
    }
    return steps
  },
]

private let wrongMemories: [WrongVersion<DecoderLayerFunction<Double>>] = [
  crossing("the cross-attention has the keys and values of the target") { a, _, input in
    attended(a, a, a, input)
  },
  crossing("the memory asks, and the target is asked") { a, memory, input in
    memory.shape == a.shape ? attended(memory, a, a, input) : attended(a, a, a, input)
  },
  crossing("the cross-attention has the values of the target") { a, memory, input in
    attended(a, memory.shape == a.shape ? memory : a, a, input)
  },
  crossing("x asks the memory, not what the self-attention made of it") { _, memory, input in
    attended(input.x, memory, memory, input)
  },
  crossing("the memory is normalised with what asks") { a, memory, input in
    let normalized = layerNorm(memory, input.p.crossAttentionNorm)
    return attended(a, normalized, normalized, input)
  },
  wrong("the memory itself stands for keys and values (ERR-41)") { input in
    let d = input.p.crossAttention.key.inputs
    let identity = AffineMap(
      weight: Tensor<Double>(
        shape: [d, d], storage: (0..<d * d).map { $0 % (d + 1) == 0 ? 1 : 0 }))
    (input.p.crossAttention.key, input.p.crossAttention.value) = (identity, identity)
  },
]

/// The golden vectors drop nothing.
let wrongDecoderLayerDrops: [WrongVersion<DecoderLayerFunction<Double>>] = [
  wrong("nothing is dropped") { $0.drop = .none },
  wrong("the layer drops where document 000 does") { $0.drop.sites = .document000 },
  wrong("the layer drops where document 002 does") { $0.drop.sites = .document002 },
  wrong("the layer drops where PyTorch does") { $0.drop.sites = .pyTorch },
  WrongVersion("without a memory the network keeps the words of the third sublayer") { input in
    guard input.memory == nil else { return decoderLayerEquation(input) }
    var layer = Assembly(input)
    layer.own = { x in
      multiHeadAttention(
        queries: x, keys: x, values: x, input.p.selfAttention, mask: input.mask,
        fill: input.fill, dropout: input.drop.attentionWeights(0))
    }
    layer.joins[0] = { residual($0, $1, $2, dropout: input.drop.sublayer(0), $3) }
    layer.network = { feedForward($0, input.p.feedForward, dropout: input.drop.feedForward(2)) }
    layer.joins[2] = { residual($0, $1, $2, dropout: input.drop.sublayer(2), $3) }
    return layer.steps
  },
]

let wrongSweeps: [WrongVersion<DecoderLayerSweep>] = [
  wrongStep("only the newest position is kept") { x, state, i, input in
    state.cache = nil
    return step(x, &state, i, input, keys: [i])
  },
  wrongStep("only the last two positions are kept") { x, state, i, input in
    state.cache?.cut(to: 1)
    return step(x, &state, i, input, keys: Array(max(0, i - 1)...i))
  },
  wrongStep("a position is kept twice") { x, state, i, input in
    let y = step(x, &state, i, input, keys: (0..<2 * i).map { $0 / 2 } + [i])
    var newest = state.cache!
    newest.cut(to: 1)
    state.cache!.append(newest)
    return y
  },
  wrongStep("keys and values are exchanged as they are kept") { x, state, i, input in
    let y = step(x, &state, i, input, keys: Array(0...i))
    state.cache = KeyValueCache(keys: state.cache!.values, values: state.cache!.keys)
    return y
  },
  wrongStep("what is kept comes from before the norm") { x, state, i, input in
    let kept = state.cache
    let y = step(x, &state, i, input, keys: Array(0...i))
    guard input.p.placement == .preNorm else { return y }
    let newest = keyValueCache(keys: x, values: x, input.p.selfAttention)
    state.cache = kept ?? newest
    if kept != nil { state.cache!.append(newest) }
    return y
  },
  wrongStep("the target's padding is forgotten") { x, state, i, input in
    var input = input
    input.mask.keep = nil
    return step(x, &state, i, input, keys: Array(0...i))
  },
  wrongStep("the memory's padding is forgotten") { x, state, i, input in
    var input = input
    input.memoryMask.keep = nil
    return step(x, &state, i, input, keys: Array(0...i))
  },
  wrongStep("the memory goes through the self-attention's maps") { x, state, i, input in
    state.memory = keyValueCache(
      keys: input.memory!, values: input.memory!, input.p.selfAttention)
    return step(x, &state, i, input, keys: Array(0...i))
  },
  wrongStep("the memory is that of the position's number") { x, state, i, input in
    let (memory, s) = (input.memory!, input.memory!.shape[1])
    let own = memory.rows([min(i, s - 1)])
    state.memory = keyValueCache(keys: own, values: own, input.p.crossAttention)
    var input = input
    input.memoryMask.keep = input.memoryMask.keep?.columns([min(i, s - 1)])
    return step(x, &state, i, input, keys: Array(0...i))
  },
]

let wrongDecoders: [WrongVersion<DecoderFunction<Double>>] = [
  wrongStack("all layers have the first's parameters") { input in
    if let first = input.layers.first { input.layers = input.layers.map { _ in first } }
  },
  wrongStack("the layers come in reverse order") { $0.layers.reverse() },
  wrongStack("the first layer is left out") { $0.layers = Array($0.layers.dropFirst()) },
  wrongStack("the last layer is applied twice") { $0.layers += $0.layers.suffix(1) },
  wrongStack("the norm behind the layers is forgotten") { $0.norm = nil },
  wrongStack("there is always a norm behind the layers") { input in
    if input.norm == nil, let last = input.layers.last { input.norm = last.feedForwardNorm }
  },
  wrongStack("the norm behind the layers is the last layer's") { input in
    if input.norm != nil, let last = input.layers.last { input.norm = last.feedForwardNorm }
  },
  wrongStack("the layers' own mask is forgotten") { $0.mask = .none },
  wrongStack("the causal rule is forgotten") { $0.mask.causalOffset = nil },
  wrongStack("the memory's mask is forgotten") { $0.memoryMask = .none },
  wrongStack("the memory is normalised as the output is") { input in
    if let norm = input.norm { input.memory = input.memory.map { layerNorm($0, norm) } }
  },
  WrongVersion("only the first layer sees the memory") { input in
    inTwo(input) { $0.memory = nil }
  },
  WrongVersion("only the first layer is masked") { input in
    inTwo(input) { ($0.mask, $0.memoryMask) = (.none, .none) }
  },
  WrongVersion("every layer gets x") { input in
    var last = input
    last.layers = Array(input.layers.suffix(1))
    return decoderEquation(last)
  },
]

// MARK: - Parts

private func wrong(
  _ name: String, _ change: @escaping @Sendable (inout DecoderLayerCase<Double>) -> Void
) -> WrongVersion<DecoderLayerFunction<Double>> {
  WrongVersion(name, of: decoderLayerEquation, given: change)
}

private func wrongStack(
  _ name: String, _ change: @escaping @Sendable (inout DecoderCase<Double>) -> Void
) -> WrongVersion<DecoderFunction<Double>> {
  WrongVersion(name, of: decoderEquation, given: change)
}

/// The decoder with its layers behind the first given something else.
private func inTwo(
  _ input: DecoderCase<Double>, _ change: (inout DecoderCase<Double>) -> Void
) -> Tensor<Double> {
  var (first, rest) = (input, input)
  (first.layers, first.norm) = (Array(input.layers.prefix(1)), nil)
  (rest.layers, rest.x) = (Array(input.layers.dropFirst()), decoderEquation(first))
  change(&rest)
  return decoderEquation(rest)
}

/// The layer put together again, for versions that change one part of it.
private struct Assembly {
  let input: DecoderLayerCase<Double>
  var own: (Tensor<Double>) -> Tensor<Double>
  var cross: ((Tensor<Double>) -> Tensor<Double>)?
  var network: (Tensor<Double>) -> Tensor<Double>
  var norms: [LayerNorm<Double>]
  var joins = Array(repeating: correctJoin, count: 3)

  init(_ input: DecoderLayerCase<Double>) {
    self.input = input
    let p = input.p
    own = { x in
      multiHeadAttention(
        queries: x, keys: x, values: x, p.selfAttention, mask: input.mask, fill: input.fill)
    }
    cross = input.memory.map { memory in { a in attended(a, memory, memory, input) } }
    network = { feedForward($0, p.feedForward) }
    norms = [p.selfAttentionNorm, p.crossAttentionNorm, p.feedForwardNorm]
  }

  var steps: DecoderLayerSteps<Double> {
    let placement = input.p.placement
    let a = joins[0](input.x, placement, norms[0], own)
    let c = cross.map { joins[1](a.output, placement, norms[1], $0) }
    let last = joins[2](c?.output ?? a.output, placement, norms[2], network)
    return DecoderLayerSteps(
      selfAttention: a.sublayer, afterSelfAttention: a.output, crossAttention: c?.sublayer,
      afterCrossAttention: c?.output ?? a.output, feedForward: last.sublayer, output: last.output)
  }
}

private func assembled(
  _ name: String, _ change: @escaping @Sendable (inout Assembly) -> Void
) -> WrongVersion<DecoderLayerFunction<Double>> {
  WrongVersion(name) { input in
    var layer = Assembly(input)
    change(&layer)
    return layer.steps
  }
}

/// The layer with another cross-attention, of what asks and the memory.
private func crossing(
  _ name: String,
  _ cross:
    @escaping @Sendable (
      Tensor<Double>, Tensor<Double>, DecoderLayerCase<Double>
    ) -> Tensor<Double>
) -> WrongVersion<DecoderLayerFunction<Double>> {
  assembled(name) { layer in
    let input = layer.input
    if let memory = input.memory { layer.cross = { a in cross(a, memory, input) } }
  }
}

/// The cross-attention of any three, under the memory's mask where it fits.
private func attended(
  _ queries: Tensor<Double>, _ keys: Tensor<Double>, _ values: Tensor<Double>,
  _ input: DecoderLayerCase<Double>
) -> Tensor<Double> {
  multiHeadAttention(
    queries: queries, keys: keys, values: values, input.p.crossAttention,
    mask: keys.shape[1] == input.memory?.shape[1] ? input.memoryMask : .none, fill: input.fill)
}

/// A sweep whose step i does something else.
private func wrongStep(
  _ name: String,
  _ step:
    @escaping @Sendable (
      Tensor<Double>, inout DecoderLayerState, Int, DecoderLayerCase<Double>
    ) -> Tensor<Double>
) -> WrongVersion<DecoderLayerSweep> {
  WrongVersion(name) { input in sweep(input) { step($0, &$1, $2, input) } }
}

/// The right step i, if the cache and the new position are those of the keys given.
private func step(
  _ x: Tensor<Double>, _ state: inout DecoderLayerState, _ i: Int,
  _ input: DecoderLayerCase<Double>, keys: [Int]
) -> Tensor<Double> {
  var mask = newest(input.mask, i)
  mask.keep = mask.keep?.columns(keys)
  return decoderLayerStep(
    x, cache: &state.cache, memory: state.memory, input.p, mask: mask,
    memoryMask: newest(input.memoryMask, i), fill: input.fill)
}

extension KeyValueCache<Double> {
  /// Forgets all but the last so many positions.
  fileprivate mutating func cut(to count: Int) {
    let last = Array(length - min(count, length)..<length)
    self = KeyValueCache(keys: keys.rows(last), values: values.rows(last))
  }
}
