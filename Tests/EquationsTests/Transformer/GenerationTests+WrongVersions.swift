import Equations
import Notation
import TestSupport

let wrongGenerators: [WrongVersion<Generator>] = [
  WrongVersion("the stop token is left out") { input in
    generationEquation(input).map { $0.last == input.stop ? $0.dropLast() : $0 }
  },
  WrongVersion("the start token is part of the translation") { input in
    generationEquation(input).map { [input.start] + $0 }
  },
  wrong("the stop token is no end") { input in
    input.stop = -1
  },
  WrongVersion("one token follows the stop token") { input in
    var endless = input
    endless.stop = -1
    return zip(generationEquation(input), generationEquation(endless)).map {
      Array($1.prefix($0.count + 1))
    }
  },
  wrong("one token too many") { $0.maximumLength += 1 },
  wrong("one token too few") { $0.maximumLength = max(0, $0.maximumLength - 1) },
  wrong("translations begin with the stop token") { $0.start = $0.stop },
  WrongVersion("a sentence that ends ends all") { input in
    let translations = generationEquation(input)
    let shortest = translations.map(\.count).min()!
    return translations.map { Array($0.prefix(shortest)) }
  },
  WrongVersion("translations go on until the last has ended") { input in
    var endless = input
    endless.stop = -1
    let longest = generationEquation(input).map(\.count).max()!
    return generationEquation(endless).map { Array($0.prefix(longest)) }
  },
  WrongVersion("all sentences are the first") { input in
    var first = input
    first.source = input.source.keeping(0)
    let tokens = generationEquation(first)[0]
    return (0..<input.source.shape[0]).map { _ in tokens }
  },
  changed("padding of the source is seen") { $0.sourcePadding = nil },
  changed("positions are not added") { p in
    p.positions = .learned(Tensor(shape: [64, p.sourceTable.shape[1]], repeating: 0))
  },
  generator("the decoder sees the last token alone: no memory of the others (ERR-42)") {
    source, prefix, p in
    let i = prefix.count - 1
    var alone = p
    alone.targetPadding = nil
    return newestLogits(
      source, [prefix[i]], alone,
      positions: positionalEncoding(
        length: 1, width: p.targetTable.shape[1], offset: i, p.positions))
  },
  generator("the decoder sees the start token alone") { source, prefix, p in
    newestLogits(source, [prefix[0]], p)
  },
  generator("tokens are put in front of those before") { source, prefix, p in
    newestLogits(source, [prefix[0]] + prefix.dropFirst().reversed(), p)
  },
  generator("the start token is forgotten once there is another") { source, prefix, p in
    newestLogits(source, prefix.count > 1 ? Array(prefix.dropFirst()) : prefix, p)
  },
  generator("the scores are those after the start token") { source, prefix, p in
    let target = Tensor(shape: [1, prefix.count], storage: prefix)
    return transformer(source: source, target: target, p).slice(0).slice(0)
  },
  generator("the unlikeliest token is taken") { source, prefix, p in
    newestLogits(source, prefix, p).map { -$0 }
  },
  generator("the token just given is never taken again") { source, prefix, p in
    var logits = newestLogits(source, prefix, p)
    logits[prefix.last!] = -.infinity
    return logits
  },
]

let wrongTeachers: [WrongVersion<Teacher>] = [
  WrongVersion("the target comes back, moved by one") { input in
    let t = input.target.shape[1]
    return input.target.columns((0..<t).map { min($0 + 1, t - 1) })
  },
  WrongVersion("tokens are those of the position before") { input in
    let tokens = teacherEquation(input)
    return tokens.columns((0..<tokens.shape[1]).map { max(0, $0 - 1) })
  },
  WrongVersion("a translation's own tokens are followed, not the teacher's") { input in
    let start = (0..<input.target.shape[0]).map { input.target[$0, 0] }
    let rows = start.indices.flatMap { b in
      greedyGeneration(
        source: input.source.keeping(b), input.p, start: start[b], stop: -1,
        maximumLength: input.target.shape[1])[0]
    }
    return Tensor(shape: input.target.shape, storage: rows)
  },
  WrongVersion("the unlikeliest token is taken") {
    argmax(transformerEquation($0).logits.map { -$0 })
  },
  WrongVersion("later tokens are seen") { input in
    var model = TransformerAssembly(input)
    model.targetMask = .none
    return argmax(model.steps.logits)
  },
]

let lastAmongEqualsGenerator: Generator = { input in
  greedy(input, taking: { logits in logits.lastIndex(of: logits.max()!)! }) {
    newestLogits($0, $1, $2)
  }
}

let wrongSteps: [WrongVersion<StepwiseScores>] = [
  cached("every token stands at position 0") { step in step.offset = 0 },
  cached("positions begin at 1") { step in step.offset += 1 },
  cached("nothing is kept") { step in
    step.caches = step.caches.map { _ in nil }
    step.mask = .none
  },
  cached("all layers keep one set of keys and values") { step in
    guard let first = step.caches[0] else { return }
    step.caches = step.caches.map { _ in first }
  },
  cached("the memory's keys and values are the first layer's in all") { step in
    step.memories = step.memories.map { [step] _ in step.memories[0] }
  },
  cached("kept padding is seen") { step in step.mask = .none },
  cached("padding of the source is seen") { step in step.memoryMask = .none },
  cached("vectors are not scaled by √dModel") { step in step.p.embeddingScale = .none },
  cached("the norm behind the layers is forgotten") { step in
    step.p.stacks.decoderNorm = nil
  },
  WrongVersion("later tokens are seen") { input in
    var model = TransformerAssembly(input)
    model.targetMask.causalOffset = nil
    model.targetMask.keep = input.p.targetPadding.map {
      paddingMask(tokens: input.target, padding: $0)
    }
    return model.steps.logits
  },
  WrongVersion("scores are those of the token before") { input in
    let logits = cachedScores(input)
    return logits.rows((0..<logits.shape[1]).map { max(0, $0 - 1) })
  },
  WrongVersion("scores are probabilities") { softmax(cachedScores($0)) },
]

// MARK: - Parts

private func wrong(
  _ name: String, _ change: @escaping @Sendable (inout GenerationCase<Double>) -> Void
) -> WrongVersion<Generator> {
  WrongVersion(name, of: generationEquation, given: change)
}

private func changed(
  _ name: String, _ change: @escaping @Sendable (inout Transformer<Double>) -> Void
) -> WrongVersion<Generator> {
  wrong(name) { change(&$0.p) }
}

/// What scores the token to follow a prefix.
private typealias NextScores =
  @Sendable (
    _ source: Tensor<Int>, _ prefix: [Int], _ p: Transformer<Double>
  ) -> Tensor<Double>

private func generator(
  _ name: String, _ scores: @escaping NextScores
) -> WrongVersion<Generator> {
  WrongVersion(name) { input in
    greedy(input, taking: { logits in logits.firstIndex(of: logits.max()!)! }, scores)
  }
}

/// Generation as it should be, from scores and a choice that need not.
private func greedy(
  _ input: GenerationCase<Double>, taking choice: ([Double]) -> Int, _ scores: NextScores
) -> [[Int]] {
  (0..<input.source.shape[0]).map { b in
    var prefix = [input.start]
    while prefix.count <= input.maximumLength {
      prefix.append(choice(scores(input.source.keeping(b), prefix, input.p).storage))
      if prefix.last == input.stop { break }
    }
    return Array(prefix.dropFirst())
  }
}

/// The scores after the last token of a prefix, whose positions may be given.
private func newestLogits(
  _ source: Tensor<Int>, _ prefix: [Int], _ p: Transformer<Double>,
  positions: Tensor<Double>? = nil
) -> Tensor<Double> {
  let target = Tensor(shape: [1, prefix.count], storage: prefix)
  var model = TransformerAssembly(TransformerCase(source: source, target: target, p: p))
  if let positions {
    let vectors = model.vectors(target, p.targetTable, at: nil)
    model.targetVectors = vectors + positions.reshaped(vectors.shape)
  }
  return model.steps.logits.slice(0).slice(prefix.count - 1)
}

/// One step of a decoder that keeps keys and values, before it is taken.
private struct CachedStep {
  var p: Transformer<Double>
  /// The position of the token.
  var offset: Int
  var caches: [KeyValueCache<Double>?]
  var memories: [KeyValueCache<Double>]
  var mask: AttentionMask<Double>
  var memoryMask: AttentionMask<Double>

  /// The scores after a token: v.
  mutating func logits(after token: Int) -> Tensor<Double> {
    var x = transformerEmbedding(
      Tensor(shape: [1, 1], storage: [token]), table: p.targetTable, positions: p.positions,
      offset: offset,
      scale: p.embeddingScale)
    for (l, layer) in p.stacks.decoderLayers.enumerated() {
      x = decoderLayerStep(
        x, cache: &caches[l], memory: memories[l], layer, mask: mask, memoryMask: memoryMask,
        fill: p.fill)
    }
    if let norm = p.stacks.decoderNorm { x = layerNorm(x, norm) }
    return affineMap(x, p.output).slice(0).slice(0)
  }
}

/// The scores of a decoder each of whose steps is changed before it is taken.
private func cached(
  _ name: String, _ change: @escaping @Sendable (inout CachedStep) -> Void
) -> WrongVersion<StepwiseScores> {
  WrongVersion(name) { input in
    let rows = (0..<input.source.shape[0]).flatMap { b in
      let (source, target) = (input.source.keeping(b), input.target.keeping(b))
      let memory = encode(source, input.p)
      let layers = input.p.stacks.decoderLayers
      var caches = layers.map { _ in nil as KeyValueCache<Double>? }
      return (0..<target.shape[1]).flatMap { i in
        var step = CachedStep(
          p: input.p, offset: i, caches: caches,
          memories: layers.map { keyValueCache(keys: memory, values: memory, $0.crossAttention) },
          mask: newest(targetMask(target: target, input.p), i, keys: i + 1),
          memoryMask: newest(memoryMask(target: target, source: source, input.p), i))
        change(&step)
        let logits = step.logits(after: target[0, i]).storage
        caches = step.caches
        return logits
      }
    }
    return Tensor(shape: input.target.shape + [input.p.output.outputs], storage: rows)
  }
}
