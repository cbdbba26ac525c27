import Equations
import ErrorBounds
import Notation
import TestSupport

let batchLaws: [Law<BatchLoss>] = [
  Law("the loss is the mean over the tokens that come, each expected after those before", cases: 30)
  { loss, draw in
    let input = draw.batch()
    let p = input.p.converted(to: RunningError.self)
    var losses: [RunningError] = []
    for b in 0..<input.target.shape[0] {
      let sentence = input.target.slice(b).storage
      for i in 1..<sentence.count where sentence[i] != input.p.targetPadding {
        let prefix = Tensor(shape: [1, i], storage: Array(sentence[..<i]))
        let logits = transformer(source: input.source.keeping(b), target: prefix, p)
        let row = logits.slice(0).slice(i - 1)
        let label = Tensor(shape: [], storage: [sentence[i]])
        losses.append(crossEntropy(row, labels: label).storage[0])
      }
    }
    try expectLoss(
      loss(input), losses.reduce(0, +) / RunningError(Double(losses.count)),
      batchEquation(input.converted(to: RunningError.self)))
  },
  Law("padding behind all sentences changes no loss") { loss, draw in
    let input = draw.batch()
    try draw.require(input.p.targetPadding != nil)
    var longer = input
    let column = Tensor(
      shape: [input.target.shape[0], 1],
      storage: (0..<input.target.shape[0]).map { _ in input.p.targetPadding! })
    longer.target = input.target.transposed.followed(by: column.transposed).transposed
    try expectLoss(
      loss(longer), RunningError(loss(input)),
      batchEquation(input.converted(to: RunningError.self)),
      batchEquation(longer.converted(to: RunningError.self)))
  },
  Law("what the last token is matters to its own loss alone") { loss, draw in
    var input = draw.batch()
    input.target = input.target.keeping(0)
    input.source = input.source.keeping(0)
    input.p.targetPadding = nil
    let t = input.target.shape[1]
    let (inputs, labels) = teacherForcing(input.target)
    let before = input.target.columns(Array(0..<(t - 1)))
    let tracked = input.converted(to: RunningError.self)
    let logits = transformer(source: input.source, target: inputs, tracked.p)
    let losses = crossEntropy(logits, labels: labels, reduction: .each).storage
    // With one token fewer the others are as they were.
    if t > 2 {
      var shorter = input
      shorter.target = before
      let sum = losses.dropLast().reduce(0, +)
      try expectLoss(
        loss(shorter), sum / RunningError(Double(t - 2)),
        batchEquation(shorter.converted(to: RunningError.self)))
    }
    let word = draw.integer("word", in: 0...LayerMaker.targetWords - 1)
    input.target.storage[t - 1] = word
    let last = crossEntropy(
      logits.slice(0).slice(t - 2), labels: Tensor(shape: [], storage: [word])
    ).storage[0]
    let sum = losses.dropLast().reduce(0, +) + last
    try expectLoss(
      loss(input), sum / RunningError(Double(t - 1)),
      batchEquation(input.converted(to: RunningError.self)))
  },
]

let evaluationLaws: [Law<EvaluationLoss>] = [
  Law("by tokens it does not matter how sentences are spread over batches", cases: 30) {
    loss, draw in
    var input = draw.evaluation()
    input.weighting = .tokens
    var single = input
    single.batches = input.batches.flatMap { batch in
      (0..<batch.source.shape[0]).map { (batch.source.keeping($0), batch.target.keeping($0)) }
    }
    try expectLoss(
      loss(single), RunningError(loss(input)),
      evaluationEquation(input.converted(to: RunningError.self)),
      evaluationEquation(single.converted(to: RunningError.self)))
  },
  Law("by batches it is the mean of the batches' losses", cases: 30) { loss, draw in
    var input = draw.evaluation()
    input.weighting = .batches
    let p = input.p.converted(to: RunningError.self)
    let losses = input.batches.map { batchLoss(source: $0.source, target: $0.target, p).loss }
    try expectLoss(
      loss(input), losses.reduce(0, +) / RunningError(Double(losses.count)),
      evaluationEquation(input.converted(to: RunningError.self)))
  },
  Law("of one batch it is the batch's loss", cases: 20) { loss, draw in
    var input = draw.evaluation()
    input.batches = [input.batches[0]]
    let tracked = batchEquation(
      TransformerCase(
        source: input.batches[0].source, target: input.batches[0].target, p: input.p
      ).converted(to: RunningError.self))
    try expectLoss(loss(input), tracked, evaluationEquation(input.converted()))
  },
]

let keptLaws: [Law<Kept>] = [
  Law("a model is kept exactly if its loss is below all before") { kept, draw in
    let losses = draw.losses()
    let epochs = losses.indices.filter { epoch in
      losses[epoch] < .infinity && !losses[..<epoch].contains { $0 <= losses[epoch] }
    }
    try expect(kept(losses) == epochs, "\(kept(losses)) for \(losses)")
  },
  Law("the last model that is kept has the smallest loss") { kept, draw in
    let losses = draw.losses()
    let numbers = losses.filter { !$0.isNaN && $0 < .infinity }
    try expect(kept(losses).last.map { losses[$0] } == numbers.min(), "it has not")
  },
]

let stopwatchLaws: [Law<Stopwatch>] = [
  Law("minutes and seconds are the time without its fraction") { stopwatch, draw in
    let elapsed = Double(draw.integer("sixteenths", in: 0...200_000)) / 16
    let (minutes, seconds) = stopwatch(elapsed)
    try expect((0..<60).contains(seconds), "\(seconds) seconds")
    let whole = Double(60 * minutes + seconds)
    try expect(whole <= elapsed && elapsed < whole + 1, "\(minutes) m \(seconds) s for \(elapsed)")
  }
]

/// Throws unless a loss is the one that was computed in another way, with both errors.
private func expectLoss(
  _ got: Double, _ expected: RunningError, _ equations: RunningError...
) throws {
  let bound = equations.reduce(expected.bound) { $0 + $1.bound }
  let isSame = got.isNaN ? expected.value.isNaN : abs(got - expected.value) <= bound
  try expect(isSame, "the loss is \(got), not \(expected.value), within \(bound)")
}

extension Draw {
  /// A small model without a mask's finite fill, under which later tokens are seen where all are hidden.
  private func modelForTraining() -> Transformer<Double> {
    var p = transformer()
    p.fill = .excluded
    return p
  }

  fileprivate func batch() -> TransformerCase<Double> {
    let p = modelForTraining()
    let (b, s, t) = (integer("b", in: 1...3), integer("s", in: 1...3), integer("t", in: 2...4))
    return TransformerCase(
      source: sentences("source", b, s, words: LayerMaker.sourceWords),
      target: sentences("target", b, t, words: LayerMaker.targetWords), p: p)
  }

  fileprivate func evaluation() -> EvaluationCase<Double> {
    let p = modelForTraining()
    let batches = (0..<integer("batches", in: 2...3)).map { _ in
      let (b, s, t) = (integer("b", in: 1...2), integer("s", in: 1...3), integer("t", in: 2...4))
      return (
        source: sentences("source", b, s, words: LayerMaker.sourceWords),
        target: sentences("target", b, t, words: LayerMaker.targetWords)
      )
    }
    return EvaluationCase(
      batches: batches, p: p, weighting: element("weighting", of: LossWeighting.allCases))
  }

  /// Losses with repetitions, and now and then one that is no number or infinite.
  fileprivate func losses() -> [Double] {
    (0..<size("epochs", upTo: 9)).map { _ in
      element("loss", of: [3, 2.5, 2, 1.5, 1, 0.5, .nan, .infinity])
    }
  }
}
