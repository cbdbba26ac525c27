import Equations
import ErrorBounds
import Notation
import TestSupport

let generationLaws: [Law<Generator>] = [
  Law("each token is the likeliest after those before it", cases: 40) { generator, draw in
    let input = draw.generation()
    for (b, tokens) in generator(input).enumerated() {
      let prefix = [input.start] + tokens.dropLast()
      let steps = stepwiseLogits(
        source: input.source.keeping(b),
        target: Tensor(shape: [1, prefix.count], storage: prefix),
        input.p.converted(to: RunningError.self), method: input.method
      ).slice(0)
      for (i, token) in tokens.enumerated() {
        let row = steps.slice(i).storage
        let best = row.max()!
        try expect(
          row[token].value + row[token].bound >= best.value - best.bound,
          "token \(token), number \(i) of sentence \(b), is not the likeliest")
      }
    }
  },
  Law("a translation ends with its first stop token, or at the maximum length") {
    generator, draw in
    let input = draw.generation()
    let translations = generator(input)
    try expect(translations.count == input.source.shape[0], "a sentence is missing")
    for tokens in translations {
      try expect(tokens.count <= input.maximumLength, "\(tokens) is too long")
      try expect(!tokens.dropLast().contains(input.stop), "\(tokens) goes on behind the stop")
      try expect(
        tokens.last == input.stop || tokens.count == input.maximumLength, "\(tokens) ends early")
    }
    draw.cover("a translation stops", translations.contains { $0.last == input.stop }, atLeast: 0.1)
    draw.cover("one does not", translations.contains { $0.last != input.stop }, atLeast: 0.1)
  },
  Law("a larger maximum length goes on where a smaller one ends") { generator, draw in
    let input = draw.generation()
    var longer = input
    longer.maximumLength += 1
    for (short, long) in zip(generator(input), generator(longer)) {
      try expect(Array(long.prefix(short.count)) == short, "\(long) does not begin with \(short)")
      try expect(
        short.last == input.stop || long.count > short.count, "\(short) does not go on")
    }
  },
  Law("every sentence is translated on its own") { generator, draw in
    let input = draw.generation()
    let translations = generator(input)
    for b in 0..<input.source.shape[0] {
      var alone = input
      alone.source = input.source.keeping(b)
      try expect(generator(alone) == [translations[b]], "sentence \(b) alone is another")
    }
  },
  Law("among equal scores the lowest number wins") { generator, draw in
    var input = draw.generation()
    // Two words with one score: the second is never chosen.
    let first = draw.integer("first", in: 0...LayerMaker.targetWords - 2)
    let second = draw.integer("second", in: first + 1...LayerMaker.targetWords - 1)
    for c in 0..<input.p.output.inputs {
      input.p.output.weight[second, c] = input.p.output.weight[first, c]
    }
    input.p.output.bias![second] = input.p.output.bias![first]
    for tokens in generator(input) {
      try expect(!tokens.contains(second), "\(tokens) has \(second), which ties with \(first)")
    }
  },
  Law("the two methods give the same tokens") { generator, draw in
    var input = draw.generation()
    input.p.fill = .excluded
    input.method = .cached
    let cached = generator(input)
    input.method = .fullPrefix
    try expect(generator(input) == cached, "the tokens are \(cached) with a cache only")
  },
]

let stepwiseLaws: [Law<StepwiseScores>] = [
  Law("one token after the other has the scores of all at once", cases: 40) { scores, draw in
    var input = draw.forced()
    // Where −10000 replaces every score of a position, it would see later ones, too.
    input.p.fill = .excluded
    let tracked = input.converted(to: RunningError.self)
    let bounds = transformerEquation(tracked).logits.bounds
    try expectSame(scores(input), transformerEquation(input).logits, bounds: bounds, bounds)
  },
  Law("the scores so far do not change as a translation grows") { scores, draw in
    let input = draw.forced()
    let logits = scores(input)
    let seen = Array(0...draw.integer("last", in: 0...input.target.shape[1] - 1))
    var first = input
    first.target = input.target.columns(seen)
    try expect(scores(first) == logits.rows(seen), "positions \(seen) have other bits")
  },
]

let teacherLaws: [Law<Teacher>] = [
  Law("no token at any position is likelier than the one chosen, and none before it as likely") {
    teacher, draw in
    let input = draw.forced()
    let (tokens, logits) = (teacher(input), transformerEquation(input).logits)
    try expect(tokens.shape == input.target.shape, "the shape is \(tokens.shape)")
    for (i, token) in tokens.storage.enumerated() {
      let row = logits.rows.slice(i).storage
      try expect(row.firstIndex(of: row.max()!) == token, "\(token) is chosen from \(row)")
    }
  }
]

extension Draw {
  fileprivate func generation() -> GenerationCase<Double> {
    let p = transformer()
    let (b, s) = (integer("b", in: 1...3), integer("s", in: 1...4))
    return GenerationCase(
      source: sentences("source", b, s, words: LayerMaker.sourceWords), p: p,
      start: integer("start", in: 0...LayerMaker.targetWords - 1),
      stop: integer("stop", in: 0...LayerMaker.targetWords - 1),
      maximumLength: integer("maximumLength", in: 0...5),
      method: element("method", of: GenerationMethod.allCases))
  }

  /// A pair of sentences without a pattern.
  fileprivate func forced() -> TransformerCase<Double> {
    let p = transformer()
    let (b, s, t) = (integer("b", in: 1...2), integer("s", in: 1...4), integer("t", in: 1...4))
    return TransformerCase(
      source: sentences("source", b, s, words: LayerMaker.sourceWords),
      target: sentences("target", b, t, words: LayerMaker.targetWords), p: p)
  }
}
