import Equations
import ErrorBounds
import Foundation
import Notation
import TestSupport
import Testing

/// The documents' claims that are about one experiment and not about every input.
@Suite("Claims about word2vec")
struct Word2VecClaimTests {
  @Test("with two tables the loss of two cliques falls towards log 2")
  func twoTables() throws {
    let before = meanLoss(beginning(shared: false))
    let after = meanLoss(trained(shared: false, by: meanLoss))
    #expect(before > log(5) && after > log(2) && after < log(2) + 0.02)
  }

  @Test("with one table the loss of two cliques stays above log 3")
  func oneTable() throws {
    let after = meanLoss(trained(shared: true, by: meanLoss))
    #expect(after >= log(3) && after < log(3) + 0.02)
  }

  @Test("no single table brings the loss of two cliques below log 3")
  func leastLoss() throws {
    try checkProperty("the loss of cliques under one table") { draw in
      let table = draw.tensor("V", [6, draw.size("d", upTo: 5)], .ordinary)
      let p = Word2Vec<RunningError>(shared: table.converted())
      let loss = skipGramLoss(cliques, window: 2, p)
      let sum = loss[0] + loss[1] - 12 * RunningError.log(3)
      try expect(sum.value >= -sum.bound, "the loss is \(sum.value / 12) less")
    }
  }

  @Test(
    "words with the same neighbours end up close",
    arguments: [(false, false), (true, false), (false, true)])
  func similarity(shared: Bool, negative: Bool) {
    func closeness(_ p: Word2Vec<Double>) -> Double {
      var sums = (within: 0.0, across: 0.0)
      for a in 0..<6 {
        for b in 0..<6 where a != b {
          let cosine = cosine(p.input.slice(a), p.input.slice(b))
          if a / 3 == b / 3 { sums.within += cosine } else { sums.across += cosine }
        }
      }
      return sums.within / 12 - sums.across / 18
    }
    let p = trained(shared: shared, by: negative ? meanNegativeLoss : meanLoss)
    #expect(closeness(p) >= 0.6 && abs(closeness(beginning(shared: shared))) < 0.5)
  }

  @Test("a word has one vector whatever its sentence, and another one behind self-attention")
  func context() {
    var stream = RandomStream(seed: 45)
    let table = Tensor<Double>.normal([9, 4], from: &stream)
    func map() -> AffineMap<Double> {
      AffineMap(weight: Tensor.normal([4, 4], from: &stream).map { $0 / 2 })
    }
    let projections = AttentionProjections(query: map(), key: map(), value: map())
    // The word 3 at the bank of a river, and in a bank.
    let sentences: Tensor<Int> = [[3, 0, 5, 7], [3, 1, 2, 8]]
    let vectors = tokenEmbedding(sentences, table: table)
    #expect(vectors.slice(0).slice(0) == vectors.slice(1).slice(0))
    let attended = selfAttention(vectors, projections)
    let (river, money) = (attended.slice(0).slice(0), attended.slice(1).slice(0))
    #expect(zip(river.storage, money.storage).contains { abs($0 - $1) > 0.1 })
  }

  @Test("CBOW predicts each word once, skip-gram each word from each neighbour", arguments: 1...6)
  func predictions(window c: Int) {
    // With a table of zeros every prediction costs log v.
    let p = Word2Vec<Double>(shared: Tensor(shape: [2, 1], repeating: 0))
    for t in [c + 1, 100] {
      let tokens = Tensor(shape: [t], repeating: 1)
      let pairs = 2 * c * t - c * (c + 1)
      #expect(contextPairs(of: tokens, window: c).shape == [pairs, 2])
      #expect((cbowLoss(tokens, window: c, p).storage[0] / log(2)).rounded() == Double(t))
      #expect((skipGramLoss(tokens, window: c, p).storage[0] / log(2)).rounded() == Double(pairs))
    }
  }

  @Test("negative sampling moves k + 2 vectors, the softmax all that are predicted and one more")
  func movedVectors() {
    var stream = RandomStream(seed: 47)
    let (v, d) = (9, 3)
    let p = Word2Vec<Double>(
      input: .normal([v, d], from: &stream), output: .normal([v, d], from: &stream))
    func moved(_ loss: (Word2Vec<Double>) -> Double) -> Set<Int> {
      let slopes = slopes(of: loss, at: p)
      return Set((0..<2 * v).filter { row in (0..<d).contains { slopes[row * d + $0] != 0 } })
    }
    // Rows of V are 0 ..< 9, rows of U 9 ..< 18.
    let center: Tensor<Int> = [4]
    let some = moved {
      negativeSamplingLoss(centers: center, words: [2], negatives: [[7, 0]], $0)[0]
    }
    #expect(some == [4, 9 + 2, 9 + 7, 9 + 0])
    let all = moved { -logSoftmax(skipGramLogits(center, $0))[0, 2] }
    #expect(all == Set([4] + (9..<18)))
  }
}

/// Two sentences of three words; with a window of 2 each word is near both others.
private let cliques: Tensor<Int> = [[0, 1, 2], [3, 4, 5]]

/// The mean over the twelve pairs.
private func meanLoss(_ p: Word2Vec<Double>) -> Double {
  skipGramLoss(cliques, window: 2, p).storage.reduce(0, +) / 12
}

/// The mean over the twelve pairs, each with the words of the other sentence as samples.
private func meanNegativeLoss(_ p: Word2Vec<Double>) -> Double {
  let pairs = contextPairs(of: cliques, window: 2).transposed
  let others = pairs.slice(0).storage.flatMap { $0 < 3 ? [3, 4, 5] : [0, 1, 2] }
  let losses = negativeSamplingLoss(
    centers: pairs.slice(0), words: pairs.slice(1),
    negatives: Tensor(shape: [12, 3], storage: others), p)
  return losses.storage.reduce(0, +) / 12
}

private func beginning(shared: Bool) -> Word2Vec<Double> {
  var stream = RandomStream(seed: 43)
  let input = Tensor<Double>.normal([6, 4], from: &stream).map { $0 / 2 }
  let output = Tensor<Double>.normal([6, 4], from: &stream).map { $0 / 2 }
  return shared ? Word2Vec(shared: input) : Word2Vec(input: input, output: output)
}

/// The vectors after 400 steps of gradient descent at the rate ½.
private func trained(
  shared: Bool, by loss: (Word2Vec<Double>) -> Double
) -> Word2Vec<Double> {
  var p = beginning(shared: shared)
  let count = p.input.count
  for _ in 0..<400 {
    let slopes = slopes(of: loss, at: p)
    for i in 0..<count {
      // A shared vector has the slopes of both its places.
      let (input, output) = (slopes[i], slopes[count + i])
      p.input.storage[i] -= 0.5 * (shared ? input + output : input)
      p.output.storage[i] -= 0.5 * (shared ? input + output : output)
    }
  }
  return p
}

/// The slopes of a loss along each number of V, then of U: central differences.
private func slopes(
  of loss: (Word2Vec<Double>) -> Double, at p: Word2Vec<Double>
) -> [Double] {
  let (h, count) = (0x1p-16, p.input.count)
  return (0..<2 * count).map { i in
    func moved(_ step: Double) -> Double {
      var moved = p
      if i < count {
        moved.input.storage[i] += step
      } else {
        moved.output.storage[i - count] += step
      }
      return loss(moved)
    }
    return (moved(h) - moved(-h)) / (2 * h)
  }
}

private func cosine(_ a: Tensor<Double>, _ b: Tensor<Double>) -> Double {
  func dot(_ a: Tensor<Double>, _ b: Tensor<Double>) -> Double {
    zip(a.storage, b.storage).reduce(0) { $0 + $1.0 * $1.1 }
  }
  return dot(a, b) / (dot(a, a) * dot(b, b)).squareRoot()
}
