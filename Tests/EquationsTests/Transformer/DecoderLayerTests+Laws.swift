import Equations
import ErrorBounds
import Notation
import TestSupport

let decoderLayerLaws: [Law<DecoderLayerFunction<Double>>] = [
  Law("a layer is three residual sublayers, two attentions and then the network") { layer, draw in
    try expectDefinition(of: layer, draw.decoderLayer())
  },
  Law("without a memory a layer is an encoder's, with the third norm") { layer, draw in
    var input = draw.decoderLayer()
    input.memory = nil
    let p = input.p
    let encoders = EncoderLayer(
      attention: p.selfAttention, attentionNorm: p.selfAttentionNorm, feedForward: p.feedForward,
      feedForwardNorm: p.feedForwardNorm, placement: p.placement)
    let expected = encoderLayerSteps(input.x, encoders, mask: input.mask, fill: input.fill)
    let got = layer(input)
    try expect(
      got.selfAttention == expected.attention && got.afterSelfAttention == expected.afterAttention
        && got.feedForward == expected.feedForward && got.output == expected.output,
      "the layer has other bits")
    try expect(
      got.crossAttention == nil && got.afterCrossAttention == got.afterSelfAttention,
      "there is an attention to no memory")
  },
  Law("under a causal mask a position knows nothing of later ones") { layer, draw in
    var input = draw.decoderLayer()
    (input.mask.causalOffset, input.fill) = (0, .excluded)
    let y = layer(input).output
    let seen = Array(0...draw.integer("last", in: 0...input.x.shape[1] - 1))
    var first = input
    first.x = input.x.rows(seen)
    first.mask.keep = input.mask.keep?.columns(seen)
    try expect(layer(first).output == y.rows(seen), "positions \(seen) have other bits")
  },
  Law("every sentence goes through the layer on its own") { layer, draw in
    let input = draw.decoderLayer()
    let y = layer(input).output
    for b in 0..<input.x.shape[0] {
      var alone = input
      (alone.x, alone.memory) = (input.x.keeping(b), input.memory?.keeping(b))
      alone.mask.keep = input.mask.keep?.keeping(b)
      alone.memoryMask.keep = input.memoryMask.keep?.keeping(b)
      try expect(layer(alone).output == y.keeping(b), "sentence \(b) alone has other bits")
    }
  },
  Law("padding of the memory may as well not be there, whatever it holds", cases: 30) {
    layer, draw in
    var input = draw.decoderLayer()
    input.fill = .excluded
    let memory = input.memory!
    let (words, poison) = (draw.integer("words", in: 0...memory.shape[1]), draw.poison())
    var short = input
    (short.memory, short.memoryMask) = (memory.rows(Array(0..<words)), .none)
    input.memoryMask.keep = keeping(words, of: memory.shape[1])
    input.memory = memory.poisoned(from: words, with: poison)
    try expectSame(
      layer(input).output, layer(short).output, bounds: bounds(short), bounds(short))
  },
  Law("padding of the target may as well not be there, whatever it holds", cases: 30) {
    layer, draw in
    var input = draw.decoderLayer()
    input.fill = .excluded
    let t = input.x.shape[1]
    let (words, poison) = (draw.integer("words", in: 0...t), draw.poison())
    var short = input
    short.x = input.x.rows(Array(0..<words))
    short.mask = AttentionMask(causalOffset: input.mask.causalOffset)
    input.mask.keep = keeping(words, of: t)
    input.x = input.x.poisoned(from: words, with: poison)
    try expectSame(
      layer(input).output.rows(Array(0..<words)), layer(short).output,
      bounds: bounds(short), bounds(short))
  },
  Law("the memory may come in any order", cases: 30) { layer, draw in
    let input = draw.decoderLayer()
    let order = draw.permutation("order", count: input.memory!.shape[1])
    var shuffled = input
    shuffled.memory = input.memory!.rows(order)
    shuffled.memoryMask.keep = input.memoryMask.keep?.columns(order)
    try expectSame(
      layer(shuffled).output, layer(input).output, bounds: bounds(shuffled), bounds(input))
  },
  Law("sublayers that give zeros leave x, or x normalised three times") { layer, draw in
    var input = draw.decoderLayer()
    input.p.selfAttention.output = zeros(like: input.p.selfAttention.output)
    input.p.crossAttention.output = zeros(like: input.p.crossAttention.output)
    input.p.feedForward.outer = zeros(like: input.p.feedForward.outer)
    let p = input.p
    let expected =
      switch p.placement {
      case .preNorm: input.x
      case .postNorm:
        [p.selfAttentionNorm, p.crossAttentionNorm, p.feedForwardNorm].reduce(input.x) {
          layerNorm($0, $1)
        }
      }
    try expect(layer(input).output == expected, "x has become something else")
  },
]

/// What holds in training.
let decoderLayerDrops: [Law<DecoderLayerFunction<Double>>] = [
  Law("each place of a layer drops by the words of its own") { layer, draw in
    var input = draw.decoderLayer()
    input.drop = draw.layerDropout()
    try expectDefinition(of: layer, input)
  },
  Law("without a memory the places of a layer are those of an encoder's") { layer, draw in
    var input = draw.decoderLayer()
    (input.memory, input.drop) = (nil, draw.layerDropout())
    let p = input.p
    let encoders = EncoderLayer(
      attention: p.selfAttention, attentionNorm: p.selfAttentionNorm, feedForward: p.feedForward,
      feedForwardNorm: p.feedForwardNorm, placement: p.placement)
    try expect(
      layer(input).output
        == encoderLayer(
          input.x, encoders, mask: input.mask, fill: input.fill, dropout: input.drop),
      "the layer has other bits")
  },
]

let sweepLaws: [Law<DecoderLayerSweep>] = [
  Law("one position at a time, with keys and values kept, gives what all at once give") {
    sweep, draw in
    var input = draw.decoderLayer()
    input.mask.causalOffset = 0
    // A position that sees no key would, with −10000, see all of them: later ones, too.
    input.fill = .excluded
    try expectSame(
      sweep(input), decoderLayerEquation(input).output, bounds: bounds(input), bounds(input))
  }
]

let decoderLaws: [Law<DecoderFunction<Double>>] = [
  Law("a decoder is its layers one after the other, all with one memory") { decoder, draw in
    var input = draw.decoder()
    input.drop = draw.layerDropout()
    var y = input.x
    for (l, layer) in input.layers.enumerated() {
      let seed = input.drop.dropout.site(l)
      y = decoderLayer(
        y, memory: input.memory, layer, mask: input.mask, memoryMask: input.memoryMask,
        fill: input.fill, dropout: LayerDropout(seed, at: input.drop.sites))
    }
    if let norm = input.norm { y = layerNorm(y, norm) }
    try expect(decoder(input) == y, "the output has other bits")
  },
  Law("a decoder without layers leaves x, or normalises it") { decoder, draw in
    var input = draw.decoder()
    input.layers = []
    let expected = input.norm.map { layerNorm(input.x, $0) } ?? input.x
    try expect(decoder(input) == expected, "x has become something else")
  },
]

// MARK: - The definition

/// Throws unless every step is that of the equations as they are written.
private func expectDefinition(
  of layer: DecoderLayerFunction<Double>, _ input: DecoderLayerCase<Double>
) throws {
  let tracked = input.converted(to: RunningError.self)
  let (got, expected) = (layer(input).byName, asDefined(tracked).byName)
  for (name, equation) in decoderLayerEquation(tracked).byName.sorted(by: { $0.key < $1.key }) {
    try expectSame(
      got[name]!, expected[name]!.map(\.value), bounds: equation.bounds, expected[name]!.bounds,
      name)
  }
}

/// The layer as SPEC.md writes it, with the sites of its dropouts by their numbers.
private func asDefined<S: Scalar>(_ input: DecoderLayerCase<S>) -> DecoderLayerSteps<S> {
  let (x, p, drop) = (input.x, input.p, input.drop)
  func site(_ index: Int, _ place: DropoutSites) -> Dropout {
    drop.sites.contains(place) ? drop.dropout.site(index) : .none
  }
  func own(_ n: Tensor<S>) -> Tensor<S> {
    multiHeadAttention(
      queries: n, keys: n, values: n, p.selfAttention, mask: input.mask, fill: input.fill,
      dropout: site(0, .attentionWeights))
  }
  func cross(_ n: Tensor<S>) -> Tensor<S> {
    multiHeadAttention(
      queries: n, keys: input.memory!, values: input.memory!, p.crossAttention,
      mask: input.memoryMask, fill: input.fill, dropout: site(2, .attentionWeights))
  }
  func network(_ n: Tensor<S>) -> Tensor<S> {
    feedForward(n, p.feedForward, dropout: site(4, .feedForward))
  }
  func kept(_ y: Tensor<S>, _ index: Int) -> Tensor<S> { dropout(y, site(index, .sublayers)) }
  let (f, a, g, c, h, y): (Tensor<S>, Tensor<S>, Tensor<S>, Tensor<S>, Tensor<S>, Tensor<S>)
  switch p.placement {
  case .postNorm:
    f = own(x)
    a = layerNorm(x + kept(f, 1), p.selfAttentionNorm)
    g = cross(a)
    c = layerNorm(a + kept(g, 3), p.crossAttentionNorm)
    h = network(c)
    y = layerNorm(c + kept(h, 5), p.feedForwardNorm)
  case .preNorm:
    f = own(layerNorm(x, p.selfAttentionNorm))
    a = x + kept(f, 1)
    g = cross(layerNorm(a, p.crossAttentionNorm))
    c = a + kept(g, 3)
    h = network(layerNorm(c, p.feedForwardNorm))
    y = c + kept(h, 5)
  }
  return DecoderLayerSteps(
    selfAttention: f, afterSelfAttention: a, crossAttention: g, afterCrossAttention: c,
    feedForward: h, output: y)
}

/// How far each number of the output may be from the exact one.
private func bounds(_ input: DecoderLayerCase<Double>) -> Tensor<Double> {
  decoderLayerEquation(input.converted(to: RunningError.self)).output.bounds
}

// MARK: - Inputs

extension Draw {
  fileprivate func decoderLayer() -> DecoderLayerCase<Double> {
    var maker = LayerMaker(self)
    let (b, t, s) = (integer("b", in: 1...3), integer("t", in: 1...4), integer("s", in: 1...4))
    return DecoderLayerCase(
      x: maker.numbers([b, t, LayerMaker.width]), memory: maker.numbers([b, s, LayerMaker.width]),
      p: maker.decoderLayer(), mask: ownMask(b, t),
      memoryMask: AttentionMask(keep: keep("memoryKeep", b, s)), fill: layerFill())
  }

  fileprivate func decoder() -> DecoderCase<Double> {
    var maker = LayerMaker(self)
    let (b, t, s) = (integer("b", in: 1...2), integer("t", in: 1...4), integer("s", in: 1...4))
    return DecoderCase(
      x: maker.numbers([b, t, LayerMaker.width]), memory: maker.numbers([b, s, LayerMaker.width]),
      layers: (0..<integer("layers", in: 1...3)).map { _ in maker.decoderLayer() },
      norm: bool("norm") ? maker.norm() : nil, mask: ownMask(b, t),
      memoryMask: AttentionMask(keep: keep("memoryKeep", b, s)), fill: layerFill())
  }
}
