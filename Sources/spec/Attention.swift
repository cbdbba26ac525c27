import Equations
import Foundation
import Notation
import Pictures
import Specification

let attentionHelp = """
  swift run spec attention WORDS [--keys WORDS] [--causal] [--no-positions] [--svg FILE]
  swift run spec attention --case TOPIC/NAME [--svg FILE]

  Prints attention weights as a heat map: a row for each query, a column for each key.

    WORDS            the words of a sentence, between spaces. Each has a vector that is drawn from
                     its letters, 16 numbers, to which its position is added; queries and keys
                     are these sums. Nothing here is trained: what shows is that words resemble
                     themselves, and positions their neighbours (ATT-1, PE-1).
    --keys WORDS     the words that are attended to, if they are not the same (ATT-12)
    --causal         hides later words (MSK-1)
    --no-positions   adds no positions: then the order of the words does not matter (PE-6)
    --case NAME      the weights that a case of the golden vectors expects instead
    --svg FILE       writes the map to FILE as well
  """

/// The heat map that the command line asks for.
func attention(_ arguments: [String]) throws -> String {
  if arguments.contains("--help") || arguments.contains("-h") { return attentionHelp }
  var (words, values, flags): ([String], [String: String], Set<String>) = ([], [:], [])
  var rest = arguments[...]
  while let argument = rest.popFirst() {
    switch argument {
    case "--causal", "--no-positions": flags.insert(argument)
    case "--keys", "--case", "--svg":
      guard let value = rest.popFirst() else { throw refusal("\(argument) takes a value") }
      values[argument] = value
    case _ where argument.hasPrefix("-"): throw refusal("there is no option “\(argument)”")
    default: words += argument.split(whereSeparator: \.isWhitespace).map(String.init)
    }
  }
  let maps: [HeatMap]
  if let name = values["--case"] {
    guard words.isEmpty, flags.isEmpty, values["--keys"] == nil else {
      throw refusal("a case has its own words: --case goes only with --svg")
    }
    maps = try heatMaps(ofCase: name)
  } else {
    let keys = values["--keys"].map { $0.split(whereSeparator: \.isWhitespace).map(String.init) }
    guard !words.isEmpty, keys != [] else { throw refusal("attention takes words, or --case") }
    maps = [
      heatMap(
        queries: words, keys: keys ?? words, isCausal: flags.contains("--causal"),
        hasPositions: !flags.contains("--no-positions"))
    ]
  }
  if let path = values["--svg"] {
    let picture = HeatMap.picture(of: maps, title: "Attention weights")
    try Data(picture.document.utf8).write(to: URL(filePath: path), options: .atomic)
  }
  return maps.map(\.text).joined(separator: "\n\n")
}

/// The weights between words whose vectors are drawn from their letters.
func heatMap(
  queries: [String], keys: [String], isCausal: Bool = false, hasPositions: Bool = true
) -> HeatMap {
  let width = 16
  func vectors(_ words: [String]) -> Tensor<Double> {
    let drawn = words.flatMap { word -> [Double] in
      // FNV-1a, which gives a word the same vector in every sentence.
      let seed = word.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) {
        ($0 ^ UInt64($1)) &* 0x100_0000_01b3
      }
      var stream = RandomStream(seed: seed)
      // Half as large as usual: a word should not hide what positions do.
      return Tensor.normal([width], from: &stream).storage.map { $0 / 2 }
    }
    let x = Tensor(shape: [words.count, width], storage: drawn)
    return hasPositions ? addPositions(x) : x
  }
  let (q, k) = (vectors(queries), vectors(keys))
  let weights = scaledDotProductAttentionSteps(
    queries: q, keys: k, values: k, mask: isCausal ? .causal : .none
  ).weights
  return HeatMap(
    title: "Attention weights" + (isCausal ? ", causal" : "")
      + (hasPositions ? "" : ", no positions"),
    queries: queries, keys: keys, weights: rows(of: weights))
}

/// The weights that a case expects, a map for each head.
func heatMaps(ofCase name: String) throws -> [HeatMap] {
  guard let vector = try GoldenCase.all().first(where: { "\($0.topic)/\($0.id)" == name }) else {
    throw refusal("there is no case “\(name)”: spec show names those of a topic")
  }
  guard let weights = try vector.expected("weights"), weights.rank >= 2, weights.count > 0 else {
    throw refusal("the case \(name) has no weights")
  }
  let matrices = weights.matrices
  return (0..<matrices.shape[0]).map { index in
    let matrix = matrices.slice(index)
    return HeatMap(
      title: matrices.shape[0] == 1 ? name : "\(name), map \(index + 1) of \(matrices.shape[0])",
      queries: (0..<matrix.shape[0]).map { "\($0)" }, keys: (0..<matrix.shape[1]).map { "\($0)" },
      weights: rows(of: matrix))
  }
}

private func rows(of matrix: Tensor<Double>) -> [[Double]] {
  (0..<matrix.shape[0]).map { matrix.slice($0).storage }
}
