import Foundation
import Specification
import Testing

@testable import spec

@Suite("The heat map of a sentence shows what attention does without training")
struct AttentionTests {
  private let hit = ["我", "打", "你"]

  @Test("every query's weights add up to 1, and a word resembles itself most")
  func weights() {
    let map = heatMap(queries: hit, keys: hit)
    for (i, weights) in map.weights.enumerated() {
      let sum = weights.reduce(0, +)
      #expect(abs(sum - 1) < 1e-12)
      #expect(weights.max() == weights[i])
    }
  }

  @Test("without positions the order of the words does not matter, with them it does")
  func order() {
    func weight(_ words: [String], positions: Bool) -> Double {
      let map = heatMap(queries: words, keys: words, hasPositions: positions)
      return map.weights[words.firstIndex(of: "我")!][words.firstIndex(of: "打")!]
    }
    let turned = ["你", "打", "我"]
    // Three terms of a sum in another order.
    #expect(abs(weight(hit, positions: false) - weight(turned, positions: false)) < 1e-15)
    #expect(abs(weight(hit, positions: true) - weight(turned, positions: true)) > 1e-6)
  }

  @Test("a causal map hides later words")
  func causal() {
    let map = heatMap(queries: hit, keys: hit, isCausal: true)
    #expect(map.weights[0] == [1, 0, 0] && map.weights[1][2] == 0 && map.weights[2][0] > 0)
  }

  @Test("one sentence may attend to another")
  func twoSentences() throws {
    let text = try attention(["我 打", "你", "--keys", "I hit you today"])
    let lines = text.split(separator: "\n").map(String.init)
    #expect(lines[1].hasPrefix("query ↓  key →  I "))
    let firstLetters = lines.dropFirst(2).map { String($0.prefix(1)) }
    #expect(firstLetters == hit)
  }

  @Test("a case of the vectors gives a map for each head")
  func cases() throws {
    let text = try attention(["--case", "ScaledDotProductAttention/single-key"])
    #expect(text.contains("ScaledDotProductAttention/single-key") && text.contains("██ 1.00"))
  }

  @Test("the picture is written as a whole")
  func file() throws {
    let url = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).svg")
    defer { try? FileManager.default.removeItem(at: url) }
    _ = try attention(hit + ["--svg", url.path(percentEncoded: false)])
    #expect(try String(contentsOf: url, encoding: .utf8).hasSuffix("</svg>\n"))
  }

  @Test(
    "what cannot be drawn is refused with a sentence",
    arguments: [
      ([], "attention takes words, or --case"), ([" "], "attention takes words, or --case"),
      (["a", "--keys", ""], "attention takes words, or --case"),
      (["a", "--keys"], "--keys takes a value"), (["--dark"], "there is no option “--dark”"),
      (["a", "--case", "b"], "a case has its own words: --case goes only with --svg"),
      (["--case", "b"], "there is no case “b”: spec show names those of a topic"),
      (["--case", "Softmax/square"], "the case Softmax/square has no weights"),
    ])
  func refusals(arguments: [String], sentence: String) {
    do {
      Issue.record("\(try attention(arguments))")
    } catch {
      #expect((error as? SpecificationTool.Refusal)?.sentence.hasPrefix(sentence) == true)
    }
  }
}
