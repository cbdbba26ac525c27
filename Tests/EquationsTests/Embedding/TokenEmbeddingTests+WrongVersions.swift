import Equations
import Notation
import TestSupport

let wrongEmbeddings: [WrongVersion<Embed<Double>>] = [
  wrong("tokens are counted from 1") { input in
    let v = input.table.shape[0]
    input.tokens = input.tokens.map { ($0 + v - 1) % v }
    input.zeroed = input.zeroed.map { ($0 + v - 1) % v }
  },
  wrong("the table is read by columns") { input in
    if input.table.shape[0] == input.table.shape[1] { input.table = input.table.transposed }
  },
  wrong("always multiplied by √d") { $0.scale = .rootModelWidth },
  wrong("never multiplied by √d") { $0.scale = .none },
  WrongVersion("multiplied by d") { input in
    var plain = input
    plain.scale = .none
    let factor = input.scale == .none ? 1 : Double(input.table.shape[1])
    return embed(plain).map { $0 * factor }
  },
  WrongVersion("divided by √d") { input in
    var plain = input
    plain.scale = .none
    let factor = input.scale == .none ? 1 : 1 / Double(input.table.shape[1]).squareRoot()
    return embed(plain).map { $0 * factor }
  },
  WrongVersion("multiplied by the root of the vocabulary") { input in
    var plain = input
    plain.scale = .none
    let factor = input.scale == .none ? 1 : Double(input.table.shape[0]).squareRoot()
    return embed(plain).map { $0 * factor }
  },
  wrong("the zeroed token has its row (ERR-36)") { $0.zeroed = nil },
  WrongVersion("the zeroed token's row is multiplied by 0") { input in
    var plain = input
    plain.zeroed = nil
    let d = input.table.shape[1]
    var vectors = embed(plain)
    for (place, token) in input.tokens.storage.enumerated() where token == input.zeroed {
      for c in 0..<d { vectors.storage[place * d + c] *= 0 }
    }
    return vectors
  },
  wrong("token 0 is always zeroed") { $0.zeroed = $0.zeroed ?? 0 },
  WrongVersion("multiplied with one-hot vectors: NaN reaches every token") { input in
    var plain = input
    let spread = plain.table.storage.reduce(0) { $0 + $1 * 0 }  // 0, or NaN
    plain.table = plain.table.map { $0 + spread }
    return embed(plain)
  },
]

let wrongSentences: [WrongVersion<EmbedSentence<Double>>] = [
  wrong("positions are left out") { input in
    let rows = input.offset + input.tokens.tokens.shape.last!
    input.positions = .learned(
      Tensor(shape: [rows, input.tokens.table.shape[1]], repeating: 0))
  },
  wrong("positions are counted from 0 whatever the offset") { $0.offset = 0 },
  wrong("the tokens are not multiplied by √d") { $0.tokens.scale = .none },
  wrong("nothing is dropped") { $0.dropout = .none },
  wrong("the seed is ignored") { input in
    input.dropout = Dropout(probability: input.dropout.probability, seed: 0)
  },
  WrongVersion("√d multiplies the sum") { input in
    var plain = input
    plain.tokens.scale = .none
    let factor =
      input.tokens.scale == .none ? 1 : Double(input.tokens.table.shape[1]).squareRoot()
    return embedSentence(plain).map { $0 * factor }
  },
  WrongVersion("dropout of the tokens' vectors alone") { input in
    let vectors = dropout(embed(input.tokens), input.dropout)
    return addPositions(vectors, input.positions, offset: input.offset)
  },
  WrongVersion("what dropout keeps is not made larger") { input in
    embedSentence(input).map { $0 * (1 - input.dropout.probability) }
  },
  WrongVersion("positions go on from sentence to sentence") { input in
    guard case .sinusoidal = input.positions else { return embedSentence(input) }
    let vectors = embed(input.tokens)
    let rows = addPositions(vectors.rows, input.positions, offset: input.offset)
    return dropout(rows.reshaped(vectors.shape), input.dropout)
  },
  WrongVersion("the token stands for the position") { input in
    guard case .sinusoidal = input.positions else { return embedSentence(input) }
    let (v, d) = (input.tokens.table.shape[0], input.tokens.table.shape[1])
    let codes = positionalEncoding(length: v, width: d, input.positions)
    return dropout(
      embed(input.tokens) + tokenEmbedding(input.tokens.tokens, table: codes), input.dropout)
  },
]

private func wrong(
  _ name: String, _ change: @escaping @Sendable (inout TokenCase<Double>) -> Void
) -> WrongVersion<Embed<Double>> {
  WrongVersion(name, of: embed, given: change)
}

private func wrong(
  _ name: String, _ change: @escaping @Sendable (inout SentenceCase<Double>) -> Void
) -> WrongVersion<EmbedSentence<Double>> {
  WrongVersion(name, of: embedSentence, given: change)
}
