import Equations
import Notation
import TestSupport

let wrongEncoderLayers: [WrongVersion<EncoderLayerFunction<Double>>] =
  wrongSublayers(0, "the attention") + wrongSublayers(1, "the network")
  + wrongAttentionParameters.map { version in
    wrong("the attention \(version.name)") { version.implementation(&$0.p.attention) }
  }
  + wrongNetworkParameters.map { version in
    wrong("the network \(version.name)") { version.implementation(&$0.p.feedForward) }
  } + wrongLayers

/// Sublayer k joined wrongly to what it gets.
private func wrongSublayers(
  _ k: Int, _ name: String
) -> [WrongVersion<EncoderLayerFunction<Double>>] {
  wrongJoins.map { join in
    WrongVersion("\(name) \(join.name)") { joined($0, sublayer: k, by: join.implementation) }
  }
}

private let wrongLayers: [WrongVersion<EncoderLayerFunction<Double>>] = [
  wrong("the second norm has the first's parameters") {
    $0.p.feedForwardNorm = $0.p.attentionNorm
  },
  wrong("the first norm has the second's parameters") {
    $0.p.attentionNorm = $0.p.feedForwardNorm
  },
  wrong("the norms are exchanged") {
    ($0.p.attentionNorm, $0.p.feedForwardNorm) = ($0.p.feedForwardNorm, $0.p.attentionNorm)
  },
  WrongVersion("the network comes before the attention") { input in
    let network = residual(input.x, input.p.placement, input.p.feedForwardNorm) {
      feedForward($0, input.p.feedForward)
    }
    let attention = residual(network.output, input.p.placement, input.p.attentionNorm) {
      attended($0, $0, input)
    }
    return EncoderLayerSteps(
      attention: attention.sublayer, afterAttention: network.output,
      feedForward: network.sublayer, output: attention.output)
  },
  WrongVersion("the network gets what the attention got") { input in
    var steps = encoderLayerEquation(input)
    let network = residual(input.x, input.p.placement, input.p.feedForwardNorm) {
      feedForward($0, input.p.feedForward)
    }
    steps.feedForward = network.sublayer
    steps.output =
      input.p.placement == .preNorm
      ? steps.afterAttention + network.sublayer
      : layerNorm(steps.afterAttention + network.sublayer, input.p.feedForwardNorm)
    return steps
  },
  WrongVersion("the network's sum begins with x again") { input in
    var steps = encoderLayerEquation(input)
    let sum = input.x + steps.feedForward
    steps.output =
      input.p.placement == .preNorm ? sum : layerNorm(sum, input.p.feedForwardNorm)
    return steps
  },
  WrongVersion("the queries alone are normalised before the attention") { input in
    guard input.p.placement == .preNorm else { return encoderLayerEquation(input) }
    return joined(input, sublayer: 0) { x, _, norm, _ in
      let y = attended(layerNorm(x, norm), x, input)
      return (y, x + y)
    }
  },
  WrongVersion("a norm follows a pre-norm layer") { input in
    var steps = encoderLayerEquation(input)
    if input.p.placement == .preNorm {
      steps.output = layerNorm(steps.output, input.p.feedForwardNorm)
    }
    return steps
  },
  WrongVersion("there is no network") { input in
    var steps = encoderLayerEquation(input)
    steps.output = steps.afterAttention
    return steps
  },
  wrong("padding is seen") { $0.mask.keep = nil },
  wrong("the words are hidden, not the padding") { input in
    input.mask.keep = input.mask.keep?.map { !$0 }
  },
  wrong("padding hides queries, not keys") { $0.mask.keep = $0.mask.keep?.transposed },
  wrong("the first sentence's padding is everybody's") { input in
    if let keep = input.mask.keep, keep.shape[0] > 0 { input.mask.keep = keep.keeping(0) }
  },
  wrong("a sentence's padding goes to the head of its number (ERR-14)") { input in
    guard let keep = input.mask.keep, keep.shape[0] == input.p.attention.heads else { return }
    input.mask.keep = keep.reshaped([1, keep.shape[0], 1, keep.shape[3]])
  },
  wrong("the causal rule is forgotten") { $0.mask.causalOffset = nil },
  wrong("the causal rule is off by one") { input in
    input.mask.causalOffset = input.mask.causalOffset.map { $0 + 1 }
  },
  wrong("every layer is causal") { $0.mask.causalOffset = 0 },
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

/// The golden vectors drop nothing.
let wrongEncoderLayerDrops: [WrongVersion<EncoderLayerFunction<Double>>] = [
  wrong("nothing is dropped") { $0.drop = .none },
  wrong("the layer drops where document 000 does") { $0.drop.sites = .document000 },
  wrong("the layer drops where document 002 does") { $0.drop.sites = .document002 },
  wrong("the layer drops where PyTorch does") { $0.drop.sites = .pyTorch },
  WrongVersion("all places drop by the same words") { input in
    let (p, drop) = (input.p, input.drop.dropout.site(0))
    func at(_ place: DropoutSites) -> Dropout { input.drop.sites.contains(place) ? drop : .none }
    let own = residual(
      input.x, p.placement, p.attentionNorm, dropout: at(.sublayers)
    ) { x in
      multiHeadAttention(
        queries: x, keys: x, values: x, p.attention, mask: input.mask, fill: input.fill,
        dropout: at(.attentionWeights))
    }
    let network = residual(
      own.output, p.placement, p.feedForwardNorm, dropout: at(.sublayers)
    ) { feedForward($0, p.feedForward, dropout: at(.feedForward)) }
    return EncoderLayerSteps(
      attention: own.sublayer, afterAttention: own.output, feedForward: network.sublayer,
      output: network.output)
  },
]

let wrongEncoders: [WrongVersion<EncoderFunction<Double>>] = [
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
  wrongStack("the mask is forgotten") { $0.mask = .none },
  WrongVersion("the mask is for the first layer only") { input in
    var (first, rest) = (input, input)
    (first.layers, first.norm) = (Array(input.layers.prefix(1)), nil)
    rest.layers = Array(input.layers.dropFirst())
    rest.x = encoderEquation(first)
    rest.mask = .none
    rest.drop = LayerDropout.none
    return encoderEquation(rest)
  },
  WrongVersion("every layer gets x") { input in
    var last = input
    last.layers = Array(input.layers.suffix(1))
    return encoderEquation(last)
  },
  WrongVersion("x is added to what the layers give") { input in
    input.x + encoderEquation(input)
  },
  WrongVersion("every layer is followed by the norm") { input in
    guard let norm = input.norm else { return encoderEquation(input) }
    return input.layers.reduce(input.x) { x, layer in
      layerNorm(encoderLayer(x, layer, mask: input.mask, fill: input.fill), norm)
    }
  },
]

private func wrong(
  _ name: String, _ change: @escaping @Sendable (inout EncoderLayerCase<Double>) -> Void
) -> WrongVersion<EncoderLayerFunction<Double>> {
  WrongVersion(name, of: encoderLayerEquation, given: change)
}

private func wrongStack(
  _ name: String, _ change: @escaping @Sendable (inout EncoderCase<Double>) -> Void
) -> WrongVersion<EncoderFunction<Double>> {
  WrongVersion(name, of: encoderEquation, given: change)
}

/// The layer with sublayer k joined to what it gets by another rule.
private func joined(
  _ input: EncoderLayerCase<Double>, sublayer k: Int, by join: @escaping Join
) -> EncoderLayerSteps<Double> {
  let p = input.p
  var joins = [correctJoin, correctJoin]
  joins[k] = join
  let own = joins[0](input.x, p.placement, p.attentionNorm) { attended($0, $0, input) }
  let network = joins[1](own.output, p.placement, p.feedForwardNorm) {
    feedForward($0, p.feedForward)
  }
  return EncoderLayerSteps(
    attention: own.sublayer, afterAttention: own.output, feedForward: network.sublayer,
    output: network.output)
}

private func attended(
  _ queries: Tensor<Double>, _ keys: Tensor<Double>, _ input: EncoderLayerCase<Double>
) -> Tensor<Double> {
  multiHeadAttention(
    queries: queries, keys: keys, values: keys, input.p.attention, mask: input.mask,
    fill: input.fill)
}
