import Equations
import ErrorBounds
import Notation
import TestSupport

let transformerLaws: [Law<TransformerFunction<Double>>] = [
  Law("a Transformer is embedding, encoder, decoder and output map", cases: 40) {
    transformer, draw in
    try expectDefinition(of: transformer, draw.translation())
  },
  Law("the scores after a token do not depend on the tokens behind it") { transformer, draw in
    var input = draw.translation()
    input.p.fill = .excluded
    let logits = transformer(input).logits
    let seen = Array(0...draw.integer("last", in: 0...input.target.shape[1] - 1))
    var first = input
    first.target = input.target.columns(seen)
    try expect(transformer(first).logits == logits.rows(seen), "positions \(seen) have other bits")
  },
  Law("padding behind the sentences changes no score of theirs", cases: 30) { transformer, draw in
    var input = draw.translation()
    input.p.fill = .excluded
    let (source, target) = (input.p.sourcePadding ?? 0, input.p.targetPadding ?? 0)
    (input.p.sourcePadding, input.p.targetPadding) = (source, target)
    var padded = input
    padded.source = input.source.padded(draw.integer("sourcePaddings", in: 0...3), with: source)
    padded.target = input.target.padded(draw.integer("targetPaddings", in: 0...3), with: target)
    let words = Array(0..<input.target.shape[1])
    try expectSame(
      transformer(padded).logits.rows(words), transformer(input).logits,
      bounds: bounds(padded).rows(words), bounds(input))
  },
  Law("the vector of padding reaches no word") { transformer, draw in
    var input = draw.translation()
    (input.p.fill, input.p.queryPadding) = (.excluded, .visible)
    let logits = transformer(input).logits
    if let padding = input.p.sourcePadding { input.p.sourceTable.poison(row: padding) }
    if let padding = input.p.targetPadding { input.p.targetTable.poison(row: padding) }
    let poisoned = transformer(input).logits
    for b in 0..<input.target.shape[0] {
      for i in 0..<input.target.shape[1] where input.target[b, i] != input.p.targetPadding {
        try expect(
          poisoned.slice(b).slice(i) == logits.slice(b).slice(i), "sentence \(b), word \(i)")
      }
    }
  },
  Law("every pair of sentences is translated on its own") { transformer, draw in
    let input = draw.translation()
    let logits = transformer(input).logits
    for b in 0..<input.source.shape[0] {
      var alone = input
      (alone.source, alone.target) = (input.source.keeping(b), input.target.keeping(b))
      try expect(
        transformer(alone).logits == logits.keeping(b), "sentence \(b) alone has other bits")
    }
  },
  Law("the words of either language may be numbered in any way") { transformer, draw in
    let input = draw.translation()
    let new = draw.permutation("source", count: LayerMaker.sourceWords)
    let newTarget = draw.permutation("target", count: LayerMaker.targetWords)
    let (old, oldTarget) = (inverse(new), inverse(newTarget))
    var renumbered = input
    renumbered.source = input.source.map { new[$0] }
    renumbered.target = input.target.map { newTarget[$0] }
    renumbered.p.sourceTable = input.p.sourceTable.rows(old)
    renumbered.p.targetTable = input.p.targetTable.rows(oldTarget)
    renumbered.p.sourcePadding = input.p.sourcePadding.map { new[$0] }
    renumbered.p.targetPadding = input.p.targetPadding.map { newTarget[$0] }
    let (w, b) = (input.p.output.weight, input.p.output.bias!)
    renumbered.p.output = AffineMap(
      weight: w.rows(oldTarget), bias: Tensor(shape: b.shape, storage: oldTarget.map { b[$0] }))
    try expect(
      transformer(renumbered).logits == transformer(input).logits.columns(oldTarget),
      "the scores have other bits")
  },
]

/// What holds in training.
let transformerDrops: [Law<TransformerFunction<Double>>] = [
  Law("encoder and decoder drop by words of their own, before their first layers, too", cases: 40) {
    transformer, draw in
    var input = draw.translation()
    input.drop = draw.layerDropout()
    try expectDefinition(of: transformer, input)
  }
]

// MARK: - The definition

/// Throws unless every step is that of the equations as they are written.
private func expectDefinition(
  of transformer: TransformerFunction<Double>, _ input: TransformerCase<Double>
) throws {
  let tracked = input.converted(to: RunningError.self)
  let (got, expected) = (transformer(input).byName, asDefined(tracked).byName)
  for (name, equation) in transformerEquation(tracked).byName.sorted(by: { $0.key < $1.key }) {
    try expectSame(
      got[name]!, expected[name]!.map(\.value), bounds: equation.bounds, expected[name]!.bounds,
      name)
  }
}

/// The Transformer as SPEC.md writes it, with the sites of its dropouts by their numbers.
private func asDefined<S: Scalar>(_ input: TransformerCase<S>) -> TransformerSteps<S> {
  let (p, source, target) = (input.p, input.source, input.target)
  func drop(_ half: Int) -> LayerDropout {
    LayerDropout(input.drop.dropout.site(half), at: input.drop.sites)
  }
  func vectors(_ tokens: Tensor<Int>, _ table: Tensor<S>, _ half: Int) -> Tensor<S> {
    let d = table.shape[1]
    let scale: S = p.embeddingScale == .none ? 1 : S.sqrt(S(Double(d)))
    let positions = positionalEncoding(length: tokens.shape[1], width: d, p.positions)
    var x = Tensor<S>(shape: tokens.shape + [d], repeating: 0)
    for b in 0..<tokens.shape[0] {
      for i in 0..<tokens.shape[1] {
        for c in 0..<d { x[b, i, c] = table[tokens[b, i], c] * scale + positions[i, c] }
      }
    }
    let place = Dropout(
      probability: input.drop.dropout.probability,
      seed: SplitMix64.word(0xFFFF_FFFF, seed: drop(half).dropout.seed))
    return input.drop.sites.contains(.embedding) ? dropout(x, place) : x
  }
  func keep(
    _ queries: Tensor<Int>, _ queryPadding: Int?, _ keys: Tensor<Int>, _ keyPadding: Int?,
    causal: Bool
  ) -> AttentionMask<S> {
    let (b, n, m) = (keys.shape[0], queries.shape[1], keys.shape[1])
    var keep = Tensor(shape: [b, n, m], repeating: true)
    for g in 0..<b {
      for i in 0..<n {
        for j in 0..<m {
          let counts = p.queryPadding == .visible || queries[g, i] != queryPadding
          keep[g, i, j] = counts && keys[g, j] != keyPadding && (!causal || j <= i)
        }
      }
    }
    return .keep(keep.reshaped([b, 1, n, m]))
  }
  let memory = encoder(
    vectors(source, p.sourceTable, 0), layers: p.stacks.encoderLayers, norm: p.stacks.encoderNorm,
    mask: keep(source, p.sourcePadding, source, p.sourcePadding, causal: false), fill: p.fill,
    dropout: drop(0))
  let decoded = decoder(
    vectors(target, p.targetTable, 1), memory: memory, layers: p.stacks.decoderLayers,
    norm: p.stacks.decoderNorm,
    mask: keep(target, p.targetPadding, target, p.targetPadding, causal: true),
    memoryMask: keep(target, p.targetPadding, source, p.sourcePadding, causal: false),
    fill: p.fill, dropout: drop(1))
  return TransformerSteps(
    memory: memory, decoded: decoded, logits: affineMap(decoded, p.output))
}

/// How far each logit may be from the exact one.
private func bounds(_ input: TransformerCase<Double>) -> Tensor<Double> {
  transformerEquation(input.converted(to: RunningError.self)).logits.bounds
}

// MARK: - Inputs

extension Draw {
  fileprivate func translation() -> TransformerCase<Double> {
    let p = transformer()
    let (b, s, t) = (integer("b", in: 1...2), integer("s", in: 1...4), integer("t", in: 1...4))
    return TransformerCase(
      source: sentences("source", b, s, words: LayerMaker.sourceWords),
      target: sentences("target", b, t, words: LayerMaker.targetWords), p: p)
  }
}

extension Tensor<Int> {
  /// The sentences with so many paddings behind each.
  fileprivate func padded(_ count: Int, with padding: Int) -> Tensor {
    transposed.followed(by: Tensor(shape: [count, shape[0]], repeating: padding)).transposed
  }
}

extension Tensor<Double> {
  /// Fills a row with NaN.
  fileprivate mutating func poison(row: Int) {
    for c in 0..<shape[1] { self[row, c] = .nan }
  }
}

/// The permutation that undoes another.
private func inverse(_ permutation: [Int]) -> [Int] {
  permutation.indices.sorted { permutation[$0] < permutation[$1] }
}
