import Equations
import ErrorBounds
import Notation
import Specification
import TestSupport
import Testing

private struct Masks: Sendable {
  var causal: @Sendable (Int, Int, Int) -> Tensor<Bool> = {
    causalMask(queries: $0, keys: $1, offset: $2)
  }
  var padding: @Sendable (Tensor<Int>, Int) -> Tensor<Bool> = {
    paddingMask(tokens: $0, padding: $1)
  }
  var decoder: @Sendable (Tensor<Int>, Int, QueryPadding) -> Tensor<Bool> = {
    decoderMask(tokens: $0, padding: $1, queryPadding: $2)
  }
  var additive: @Sendable (Tensor<Bool>) -> Tensor<Double> = { additiveMask($0) }
  var scores:
    @Sendable (Tensor<Double>, AttentionMask<Double>, MaskFill, Double) -> Tensor<Double> = {
      maskedScores($0, mask: $1, fill: $2, factor: $3)
    }
}

@Suite("Attention mask")
struct AttentionMaskTests {
  @Test("masks and masked scores agree with the golden vectors", arguments: try vectors)
  func golden(_ vector: GoldenCase) throws { try compare(Masks(), with: vector) }

  @Test("the laws of masks hold", arguments: laws)
  fileprivate func law(_ law: Law<Masks>) throws { try law.hold(for: Masks()) }

  @Test("every wrong mask is rejected", arguments: wrongVersions)
  fileprivate func wrong(_ version: WrongVersion<Masks>) throws {
    version.expectRejection(by: try vectors, comparedBy: compare, and: laws)
  }

  @Test("the fills differ on a fully masked row")
  func fillsDiffer() {
    let scores: Tensor<Double> = [[3, 1]]
    let hidden = AttentionMask<Double>.keep([[false, false]])
    let fills: [MaskFill] = [
      .excluded, .replaced(by: -10000), .replacedBeforeScaling(by: -1e20), .added(-100),
    ]
    let masked = fills.map { maskedScores(scores, mask: hidden, fill: $0, factor: 0.5) }
    #expect(Set(masked).count == fills.count)
  }

  @Test("masks that do not fit stop the program with a sentence")
  func shapes() async throws {
    let joined = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = conjunction([[true]], [true]) }
    expectSentence("masks to be joined must have one shape: got 1 × 1 and 1", from: joined)
    let tokens = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = paddingMask(tokens: [1, 2], padding: 0) }
    expectSentence("tokens must be b × m: got 2", from: tokens)
    let negative = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = causalMask(queries: -1, keys: 2) }
    expectSentence("a causal mask needs lengths: got -1 queries and 2 keys", from: negative)
  }
}

private var vectors: [GoldenCase] {
  get throws {
    try ["causalMask", "paddingMask", "decoderMask", "additiveMask", "maskedScores"]
      .flatMap { try GoldenCase.all(of: $0) }
  }
}

private func compare(_ masks: Masks, with vector: GoldenCase) throws {
  let attributes = vector.attributes
  func check(_ got: Tensor<Bool>) throws {
    let expected = try vector.expectedFlags("output")!
    try TestSupport.expect(got == expected, "\(vector.id): \(got) instead of \(expected)")
  }
  switch vector.function {
  case "causalMask":
    let (n, m) = (attributes.integer(needed: "queries"), attributes.integer(needed: "keys"))
    try check(masks.causal(n, m, attributes.integer(needed: "offset")))
  case "paddingMask":
    let padding = attributes.integer(needed: "padding")
    try check(masks.padding(try vector.integers("tokens")!, padding))
  case "decoderMask":
    let padding = attributes.integer(needed: "padding")
    let hidden = attributes.string(needed: "queryPadding") == "hidden"
    try check(
      masks.decoder(try vector.integers("tokens")!, padding, hidden ? .hidden : .visible))
  case "additiveMask":
    let got = masks.additive(try vector.flags("keep")!)
    try TestSupport.expect(got == (try vector.expected("output")!), "\(vector.id): \(got)")
  default:
    let (scores, factor) = (try vector.input("scores")!, attributes.number(needed: "scaleFactor"))
    let got = masks.scores(scores, .keep(try vector.flags("keep")!), vector.fill, factor)
    let expected = try vector.expected("output")!
    // A product, and for `added` a sum, of rounded numbers.
    let bound = Tensor(
      shape: scores.shape,
      storage: zip(scores.finite.storage, expected.finite.storage).map {
        0x1p-52 * (abs($0 * factor) + abs($1))
      })
    try ErrorGauge(got: got, expected: expected, bound: bound)
  }
}

// MARK: - Laws

private let laws: [Law<Masks>] = [
  Law("query i sees just the keys 0 … i + offset") { masks, draw in
    let (n, m) = (draw.size("n", upTo: 9), draw.size("m", upTo: 9))
    let offset = draw.integer("offset", in: -9...9)
    let keep = masks.causal(n, m, offset)
    try TestSupport.expect(keep.shape == [n, m], "the shape is \(keep.shape)")
    for i in 0..<n {
      let seen = (0..<m).filter { keep[i, $0] }
      try TestSupport.expect(
        seen == Array(0..<min(max(i + offset + 1, 0), m)), "query \(i) sees \(seen)")
    }
  },
  Law("padding is hidden as a key, from every query, and nothing else is") { masks, draw in
    let tokens = draw.tokens()
    let keep = masks.padding(tokens, 0)
    try TestSupport.expect(
      keep.shape == [tokens.shape[0], 1, 1, tokens.shape[1]], "the shape is \(keep.shape)")
    try TestSupport.expect(keep.storage == tokens.storage.map { $0 != 0 }, "\(keep.storage)")
  },
  Law("a decoder's position sees words up to itself") { masks, draw in
    let tokens = draw.tokens()
    let (b, t) = (tokens.shape[0], tokens.shape[1])
    let padding = draw.element("queries", of: [QueryPadding.visible, .hidden])
    let keep = masks.decoder(tokens, 0, padding)
    try TestSupport.expect(keep.shape == [b, 1, t, t], "the shape is \(keep.shape)")
    for s in 0..<b {
      for i in 0..<t {
        for j in 0..<t {
          let sees = j <= i && tokens[s, j] != 0 && (padding == .visible || tokens[s, i] != 0)
          try TestSupport.expect(
            keep.matrices[s, i, j] == sees, "position \(i) and \(j) of sentence \(s)")
        }
      }
    }
  },
  Law("the additive mask is 0 where a key is seen and −∞ elsewhere") { masks, draw in
    let keep = draw.tokens().map { $0 != 0 }
    let additive = masks.additive(keep)
    try TestSupport.expect(
      zip(keep.storage, additive.storage).allSatisfy { $0 ? $1 == 0 : $1 == -.infinity },
      "\(additive.storage)")
  },
  Law("each fill puts what it says where a key is hidden, and nothing elsewhere") { masks, draw in
    let shape = [draw.size("n", from: 1, upTo: 5), draw.size("m", from: 1, upTo: 5)]
    let scores = draw.tensor("scores", shape, .ordinary).converted(to: Double.self)
    let keep = Tensor(
      shape: shape,
      storage: draw.integerTensor("hidden", shape, magnitude: 1).storage.map { $0 == 0 })
    let bias = draw.tensor("bias", shape, .ordinary).converted(to: Double.self)
    let f = draw.element("f", of: [-10000, -1e20, -100, 5.0])
    let fill = draw.element(
      "fill", of: [MaskFill.excluded, .replaced(by: f), .replacedBeforeScaling(by: f), .added(f)])
    // A power of two, so that every expected value is exact or rounded once.
    let masked = masks.scores(scores, .keep(keep) && .adding(bias), fill, 0.25)
    for i in 0..<shape[0] {
      for j in 0..<shape[1] {
        let plain = scores[i, j] / 4 + bias[i, j]
        let expected =
          switch keep[i, j] ? nil : fill {
          case nil: plain
          case .excluded: -Double.infinity
          case .replaced(let f): f
          case .replacedBeforeScaling(let f): f / 4
          case .added(let f): plain + f
          }
        try TestSupport.expect(
          masked[i, j] == expected, "element \(i), \(j): \(masked[i, j]), not \(expected)")
      }
    }
  },
  Law("a bias of −∞ excludes a key as a mask does") { masks, draw in
    let shape = [draw.size("n", from: 1, upTo: 5), draw.size("m", from: 1, upTo: 5)]
    let scores = draw.tensor("scores", shape, .ordinary).converted(to: Double.self)
    let keep = Tensor(
      shape: shape,
      storage: draw.integerTensor("hidden", shape, magnitude: 1).storage.map { $0 == 0 })
    try TestSupport.expect(
      masks.scores(scores, .adding(additiveMask(keep)), .excluded, 0.5)
        == masks.scores(scores, .keep(keep), .excluded, 0.5), "the two differ")
  },
]

extension Draw {
  fileprivate func tokens() -> Tensor<Int> {
    let shape = [size("b", from: 1, upTo: 3), size("t", upTo: 6)]
    return integerTensor("tokens", shape, magnitude: 2).map { Int($0) }
  }
}

// MARK: - Wrong versions

private let wrongVersions: [WrongVersion<Masks>] = [
  wrong("the diagonal is hidden (ERR-06)") { masks in
    masks.causal = { causalMask(queries: $0, keys: $1, offset: $2 - 1) }
  },
  wrong("one key too many is visible") { masks in
    masks.causal = { causalMask(queries: $0, keys: $1, offset: $2 + 1) }
  },
  wrong("causal from the bottom right") { masks in
    masks.causal = { causalMask(queries: $0, keys: $1, offset: $2 + $1 - $0) }
  },
  wrong("the upper triangle") { masks in
    masks.causal = { n, m, offset in
      causalMask(queries: m, keys: n, offset: -offset).transposed
    }
  },
  wrong("padding is what is kept") { masks in
    masks.padding = { paddingMask(tokens: $0, padding: $1).map { !$0 } }
  },
  wrong("padding is hidden as a query") { masks in
    masks.padding = { paddingMask(tokens: $0, padding: $1).transposed }
  },
  wrong("any token up to the padding's is hidden") { masks in
    masks.padding = { tokens, padding in
      paddingMask(tokens: tokens.map { max($0, padding) }, padding: padding)
    }
  },
  wrong("a decoder sees words or its past") { masks in
    masks.decoder = { tokens, padding, queries in
      let t = tokens.shape[1]
      let shape = [tokens.shape[0], 1, t, t]
      let keys = paddingMask(tokens: tokens, padding: padding).broadcast(to: shape)
      let causal = causalMask(queries: t, keys: t).reshaped([1, 1, t, t]).broadcast(to: shape)
      return Tensor(shape: shape, storage: zip(keys.storage, causal.storage).map { $0 || $1 })
    }
  },
  wrong("a decoder without padding mask") { masks in
    masks.decoder = { tokens, _, _ in
      let t = tokens.shape[1]
      return causalMask(queries: t, keys: t).reshaped([1, 1, t, t])
        .broadcast(to: [tokens.shape[0], 1, t, t])
    }
  },
  wrong("padding queries are hidden by default") { masks in
    masks.decoder = { tokens, padding, _ in
      decoderMask(tokens: tokens, padding: padding, queryPadding: .hidden)
    }
  },
  wrong("padding queries are never hidden") { masks in
    masks.decoder = { tokens, padding, _ in decoderMask(tokens: tokens, padding: padding) }
  },
  wrong("−1e4 stands for −∞") { masks in masks.additive = { $0.map { $0 ? 0 : -1e4 } } },
  wrong("the additive mask is multiplied") { masks in masks.additive = { $0.map { $0 ? 1 : 0 } } },
  wrong("the additive mask is inverted") { masks in
    masks.additive = { additiveMask($0.map { !$0 }) }
  },
  wrong("the fill before the scale where it belongs after") { masks in
    masks.scores = { scores, mask, fill, factor in
      guard case .replaced(let f) = fill else {
        return maskedScores(scores, mask: mask, fill: fill, factor: factor)
      }
      return maskedScores(
        scores, mask: mask, fill: .replacedBeforeScaling(by: f), factor: factor)
    }
  },
  wrong("the fill after the scale where it belongs before") { masks in
    masks.scores = { scores, mask, fill, factor in
      guard case .replacedBeforeScaling(let f) = fill else {
        return maskedScores(scores, mask: mask, fill: fill, factor: factor)
      }
      return maskedScores(scores, mask: mask, fill: .replaced(by: f), factor: factor)
    }
  },
  wrong("the fill is added where it replaces (ERR-07)") { masks in
    masks.scores = { scores, mask, fill, factor in
      guard case .replaced(let f) = fill else {
        return maskedScores(scores, mask: mask, fill: fill, factor: factor)
      }
      return maskedScores(scores, mask: mask, fill: .added(f), factor: factor)
    }
  },
  wrong("the fill replaces where it is added") { masks in
    masks.scores = { scores, mask, fill, factor in
      guard case .added(let f) = fill else {
        return maskedScores(scores, mask: mask, fill: fill, factor: factor)
      }
      return maskedScores(scores, mask: mask, fill: .replaced(by: f), factor: factor)
    }
  },
  wrong("−1e4 for an excluded key (ERR-33)") { masks in
    masks.scores = { scores, mask, fill, factor in
      maskedScores(
        scores, mask: mask, fill: fill == .excluded ? .replaced(by: -1e4) : fill, factor: factor)
    }
  },
  wrong("what is kept is filled") { masks in
    masks.scores = { scores, mask, fill, factor in
      var inverted = mask
      inverted.keep = mask.keep?.map { !$0 }
      return maskedScores(scores, mask: inverted, fill: fill, factor: factor)
    }
  },
  wrong("the scale is left out") { masks in
    masks.scores = { scores, mask, fill, _ in
      maskedScores(scores, mask: mask, fill: fill)
    }
  },
]

private func wrong(
  _ name: String, _ change: (inout Masks) -> Void
) -> WrongVersion<Masks> {
  var masks = Masks()
  change(&masks)
  return WrongVersion(name, masks)
}
