import Equations
import ErrorBounds
import Notation
import TestSupport

let encoderLayerLaws: [Law<EncoderLayerFunction<Double>>] = [
  Law("a layer is two residual sublayers, attention and then the network") { layer, draw in
    try expectDefinition(of: layer, draw.encoderLayer())
  },
  Law("positions may come in any order", cases: 30) { layer, draw in
    var input = draw.encoderLayer()
    input.mask.causalOffset = nil
    let order = draw.permutation("order", count: input.x.shape[1])
    var shuffled = input
    shuffled.x = input.x.rows(order)
    shuffled.mask.keep = input.mask.keep?.columns(order)
    try expectSame(
      layer(shuffled).output, layer(input).output.rows(order),
      bounds: bounds(shuffled), bounds(input).rows(order))
  },
  Law("every sentence goes through the layer on its own") { layer, draw in
    let input = draw.encoderLayer()
    let y = layer(input).output
    for b in 0..<input.x.shape[0] {
      var alone = input
      alone.x = input.x.keeping(b)
      alone.mask.keep = input.mask.keep?.keeping(b)
      try expect(layer(alone).output == y.keeping(b), "sentence \(b) alone has other bits")
    }
  },
  Law("padding may as well not be there, whatever it holds", cases: 30) { layer, draw in
    var input = draw.encoderLayer()
    let t = input.x.shape[1]
    let (words, poison) = (draw.integer("words", in: 0...t), draw.poison())
    input.fill = .excluded
    var short = input
    short.mask = AttentionMask(causalOffset: input.mask.causalOffset)
    short.x = input.x.rows(Array(0..<words))
    input.mask.keep = keeping(words, of: t)
    input.x = input.x.poisoned(from: words, with: poison)
    try expectSame(
      layer(input).output.rows(Array(0..<words)), layer(short).output,
      bounds: bounds(short), bounds(short))
  },
  Law("under a causal mask a position knows nothing of later ones") { layer, draw in
    var input = draw.encoderLayer()
    (input.mask.causalOffset, input.fill) = (0, .excluded)
    let y = layer(input).output
    let seen = Array(0...draw.integer("last", in: 0...input.x.shape[1] - 1))
    var first = input
    first.x = input.x.rows(seen)
    first.mask.keep = input.mask.keep?.columns(seen)
    try expect(layer(first).output == y.rows(seen), "positions \(seen) have other bits")
  },
  Law("sublayers that give zeros leave x, or x normalised twice") { layer, draw in
    var input = draw.encoderLayer()
    input.p.attention.output = zeros(like: input.p.attention.output)
    input.p.feedForward.outer = zeros(like: input.p.feedForward.outer)
    let expected =
      switch input.p.placement {
      case .preNorm: input.x
      case .postNorm: layerNorm(layerNorm(input.x, input.p.attentionNorm), input.p.feedForwardNorm)
      }
    try expect(layer(input).output == expected, "x has become something else")
  },
  Law("what is added to all numbers of a position goes through a pre-norm layer", cases: 30) {
    layer, draw in
    var input = draw.encoderLayer()
    input.p.placement = .preNorm
    var moved = input
    let c = Double(draw.integer("c", in: -8...8))
    moved.x = input.x.map { $0 + c }
    try expectSame(
      layer(moved).output, layer(input).output.map { $0 + c }, bounds: bounds(moved),
      bounds(input).map { $0 + 0x1p-48 })
  },
]

/// What holds in training.
let encoderLayerDrops: [Law<EncoderLayerFunction<Double>>] = [
  Law("each place of a layer drops by the words of its own") { layer, draw in
    var input = draw.encoderLayer()
    input.drop = draw.layerDropout()
    try expectDefinition(of: layer, input)
  }
]

let encoderLaws: [Law<EncoderFunction<Double>>] = [
  Law("an encoder is its layers one after the other, and the norm behind them") { encoder, draw in
    var input = draw.encoder()
    input.drop = draw.layerDropout()
    var y = input.x
    for (l, layer) in input.layers.enumerated() {
      let seed = input.drop.dropout.site(l)
      y = encoderLayer(
        y, layer, mask: input.mask, fill: input.fill,
        dropout: LayerDropout(seed, at: input.drop.sites))
    }
    if let norm = input.norm { y = layerNorm(y, norm) }
    try expect(encoder(input) == y, "the output has other bits")
  },
  Law("an encoder without layers leaves x, or normalises it") { encoder, draw in
    var input = draw.encoder()
    input.layers = []
    let expected = input.norm.map { layerNorm(input.x, $0) } ?? input.x
    try expect(encoder(input) == expected, "x has become something else")
  },
  Law("without positions an encoder takes its input in any order", cases: 20) { encoder, draw in
    let input = draw.encoder()
    let order = draw.permutation("order", count: input.x.shape[1])
    var shuffled = input
    shuffled.x = input.x.rows(order)
    shuffled.mask.keep = input.mask.keep?.columns(order)
    func bounds(_ input: EncoderCase<Double>) -> Tensor<Double> {
      encoderEquation(input.converted(to: RunningError.self)).bounds
    }
    try expectSame(
      encoder(shuffled), encoder(input).rows(order), bounds: bounds(shuffled),
      bounds(input).rows(order))
  },
]

// MARK: - The definition

/// Throws unless every step is that of the equations as they are written.
private func expectDefinition(
  of layer: EncoderLayerFunction<Double>, _ input: EncoderLayerCase<Double>
) throws {
  let tracked = input.converted(to: RunningError.self)
  let (got, expected) = (layer(input).byName, asDefined(tracked).byName)
  for (name, equation) in encoderLayerEquation(tracked).byName.sorted(by: { $0.key < $1.key }) {
    try expectSame(
      got[name]!, expected[name]!.map(\.value), bounds: equation.bounds, expected[name]!.bounds,
      name)
  }
}

/// The layer as SPEC.md writes it, with the sites of its dropouts by their numbers.
private func asDefined<S: Scalar>(_ input: EncoderLayerCase<S>) -> EncoderLayerSteps<S> {
  let (x, p, drop) = (input.x, input.p, input.drop)
  func site(_ index: Int, _ place: DropoutSites) -> Dropout {
    drop.sites.contains(place) ? drop.dropout.site(index) : .none
  }
  func attention(_ n: Tensor<S>) -> Tensor<S> {
    multiHeadAttention(
      queries: n, keys: n, values: n, p.attention, mask: input.mask, fill: input.fill,
      dropout: site(0, .attentionWeights))
  }
  func network(_ n: Tensor<S>) -> Tensor<S> {
    feedForward(n, p.feedForward, dropout: site(2, .feedForward))
  }
  func kept(_ y: Tensor<S>, _ index: Int) -> Tensor<S> { dropout(y, site(index, .sublayers)) }
  switch p.placement {
  case .postNorm:
    let f = attention(x)
    let a = layerNorm(x + kept(f, 1), p.attentionNorm)
    let g = network(a)
    let y = layerNorm(a + kept(g, 3), p.feedForwardNorm)
    return EncoderLayerSteps(attention: f, afterAttention: a, feedForward: g, output: y)
  case .preNorm:
    let f = attention(layerNorm(x, p.attentionNorm))
    let a = x + kept(f, 1)
    let g = network(layerNorm(a, p.feedForwardNorm))
    let y = a + kept(g, 3)
    return EncoderLayerSteps(attention: f, afterAttention: a, feedForward: g, output: y)
  }
}

/// How far each number of the output may be from the exact one.
private func bounds(_ input: EncoderLayerCase<Double>) -> Tensor<Double> {
  encoderLayerEquation(input.converted(to: RunningError.self)).output.bounds
}

// MARK: - Inputs

extension Draw {
  fileprivate func encoderLayer() -> EncoderLayerCase<Double> {
    var maker = LayerMaker(self)
    let (b, t) = (integer("b", in: 1...3), integer("t", in: 1...4))
    return EncoderLayerCase(
      x: maker.numbers([b, t, LayerMaker.width]), p: maker.encoderLayer(), mask: ownMask(b, t),
      fill: layerFill())
  }

  fileprivate func encoder() -> EncoderCase<Double> {
    var maker = LayerMaker(self)
    let (b, t) = (integer("b", in: 1...2), integer("t", in: 1...4))
    return EncoderCase(
      x: maker.numbers([b, t, LayerMaker.width]),
      layers: (0..<integer("layers", in: 1...3)).map { _ in maker.encoderLayer() },
      norm: bool("norm") ? maker.norm() : nil,
      mask: AttentionMask(keep: keep("keep", b, t)), fill: layerFill())
  }
}
