import Notation
import Specification

// What golden cases are read as, for the tests of equations and of kernels alike.

extension GoldenCase {
  /// The sinusoids of the attribute `form`, or else the learned table that is an input.
  public func positions(table: String = "table") throws -> PositionalEncoding<Double> {
    switch attributes.string("form") {
    case "power": .sinusoidal(.power)
    case "exponential": .sinusoidal(.exponential)
    default: .learned(try input(table)!)
    }
  }

  /// The function that scores a key, by the attribute `scoring`.
  public var scoring: ScoringFunction<Double> {
    get throws {
      switch attributes.string("scoring") {
      case "dot": return .dot
      case "scaledDot": return .scaledDot
      case "bilinear": return .bilinear(try input("weight")!)
      case "additive":
        return .additive(
          AdditiveScore(
            key: try input("keyWeight")!, query: try input("queryWeight")!,
            vector: try input("vector")!))
      case "concat":
        return .concat(weight: try input("weight")!, vector: try input("vector")!)
      case let name: fatalError("case \(id) has the scoring function \(name ?? "none")")
      }
    }
  }
}

// MARK: - Word2Vec

extension GoldenCase {
  /// The tables of words; one, if there is no other for outputs.
  public var word2Vec: Word2Vec<Double> {
    get throws {
      let table = try input("inputTable")!
      return Word2Vec(input: table, output: try input("outputTable") ?? table)
    }
  }

  /// What negative samples are drawn by.
  public var sampler: UnigramSampler {
    get throws {
      UnigramSampler(counts: try integers("counts")!, power: attributes.number(needed: "power"))
    }
  }

  /// The words that must not be drawn.
  public var excluded: Set<Int> { get throws { Set(try integers("excluded")!.storage) } }
}

// MARK: - Seq2Seq

extension GoldenCase {
  /// The encoder and decoder that the attributes describe.
  public var seq2Seq: Seq2Seq<Double> {
    get throws {
      let forward = try cell("encoder", attributes.string(needed: "encoder"))
      let encoder: Seq2SeqEncoder<Double> =
        switch attributes.string(needed: "direction") {
        case "forward": .oneWay(forward)
        case "reverse": .oneWay(forward, .reverse)
        default:
          .bothWays(
            forward: forward, reverse: try cell("reverse", attributes.string(needed: "encoder")))
        }
      let attention: DecoderAttention<Double> =
        switch attributes.string(needed: "attention") {
        case "beforeStep": .beforeStep(try score)
        case "afterStep": .afterStep(try score, combination: try map("combination"))
        default: .none
        }
      return Seq2Seq(
        encoder: encoder,
        start: attributes.string(needed: "start") == "mapped"
          ? .mapped(try map("start")) : .encoderState,
        attention: attention, decoder: try cell("decoder", attributes.string(needed: "decoder")),
        output: try map("output"))
    }
  }

  private var score: DecoderScore<Double> {
    get throws {
      let weight = try input("scoreWeight")
      return switch attributes.string(needed: "score") {
      case "tanhOfLinear": .tanhOfLinear(try map("score"))
      case "dot": .function(.dot)
      case "scaledDot": .function(.scaledDot)
      case "bilinear": .function(.bilinear(weight!))
      case "concat": .function(.concat(weight: weight!, vector: try input("scoreVector")!))
      default:
        .function(
          .additive(
            AdditiveScore(
              key: try input("scoreKeyWeight")!, query: try input("scoreQueryWeight")!,
              vector: try input("scoreVector")!)))
      }
    }
  }

  private func map(_ name: String) throws -> AffineMap<Double> {
    AffineMap(weight: try input(name + "Weight")!, bias: try input(name + "Bias"))
  }

  private func cell(_ prefix: String, _ kind: String) throws -> RecurrentCell<Double> {
    let (input, recurrent) = (try map(prefix + "Input"), try map(prefix + "Recurrent"))
    switch kind {
    case "elmanRNN": return .elmanRNN(ElmanRNN(input: input, recurrent: recurrent))
    case "lstm": return .lstm(LSTM(input: input, recurrent: recurrent))
    default:
      let form = attributes.dialect("form", of: GRUForm.allCases)
      return .gru(GRU(input: input, recurrent: recurrent, form: form))
    }
  }
}
