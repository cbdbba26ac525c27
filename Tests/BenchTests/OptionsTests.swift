import Foundation
import Testing

@testable import bench

@Suite("The command line is understood or refused with a sentence")
struct OptionsTests {
  private func options(_ line: String) throws -> Options {
    try Options(line.split(separator: " ").map(String.init), cores: 2)
  }

  private func sentence(_ line: String) -> String? {
    refusal { try options(line) }
  }

  @Test("without arguments every row is measured, with one thread and with all cores")
  func defaults() throws {
    let plain = try options("")
    #expect(plain.command == .table && plain.threads == [1, 2] && !plain.isQuick)
    #expect(try Options([], cores: 1).threads == [1])
    #expect(try plain.chosen(from: benchmarks, by: \.name).count == benchmarks.count)
  }

  @Test("options are read in any order")
  func values() throws {
    let all = try options("--json a.json --quick --compare b.json --threads 3 --filter softmax")
    #expect(all.json == "a.json" && all.compare == "b.json" && all.isQuick && all.threads == [3])
    #expect(try all.chosen(from: benchmarks, by: \.name).allSatisfy { $0.name.contains("oftmax") })
  }

  @Test("what there is not is refused")
  func refusals() {
    #expect(sentence("--fast") == "there is no option \"--fast\"; --help lists them")
    #expect(sentence("quick") == "there is no option \"quick\"; --help lists them")
    #expect(sentence("serve --quick") == "serve has no option \"--quick\"; --help lists them")
    #expect(sentence("--filter") == "--filter takes a value")
    for count in ["0", "-1", "two", "1025"] {
      #expect(
        sentence("--threads \(count)")
          == "--threads takes a number from 1 to 1024: got \"\(count)\"")
    }
  }

  @Test("a report takes a folder and a day of the calendar")
  func report() throws {
    let report = try options("report out --date 2026-02-28 --quick")
    #expect(report.command == .report && report.directory == "out" && report.date == "2026-02-28")
    #expect(sentence("report out") == "report takes a folder and --date YYYY-MM-DD")
    #expect(sentence("report --date 2026-02-28") == "report takes a folder and --date YYYY-MM-DD")
    for day in ["2026-02-30", "2026-2-3", "today", "2026-02-28T10"] {
      #expect(
        sentence("report out --date \(day)")
          == "--date takes a day as YYYY-MM-DD: got \"\(day)\"")
    }
    #expect(sentence("report a b") == "report has no option \"b\"; --help lists them")
  }

  @Test("growth is measured with one thread unless told otherwise")
  func growth() throws {
    #expect(try options("growth").threads == [1])
    #expect(try options("growth --threads 2 --svg out").threads == [2])
    #expect(
      sentence("growth --compare a") == "growth has no option \"--compare\"; --help lists them")
  }

  @Test("a filter needs neither case nor spaces, and a whole name leaves one row")
  func filters() throws {
    let names = ["Attention 1 × 8", "Attention 1 × 8 × 2", "Softmax 1 × 8"]
    func chosen(_ filter: String) throws -> [String] {
      var plain = try options("")
      plain.filter = filter
      return try plain.chosen(from: names, by: \.self)
    }
    #expect(try chosen("ATTENTION") == Array(names[..<2]))
    #expect(try chosen("1x8") == names)
    #expect(try chosen("attention 1x8") == [names[0]])
    #expect(
      refusal { try chosen("soft max 2") }
        == "no row contains \"soft max 2\"; --list prints all of them")
  }

  @Test("a quick run has the middle row of each topic, of two the smaller")
  func quick() {
    let rows = ["a 1", "b 1", "a 2", "a 3", "b 2"].map { name in
      Benchmark(topic: String(name.prefix(1)), shape: String(name.suffix(1)), work: .bytes(1)) {
        fatalError("nothing is measured here")
      }
    }
    #expect(oneOfEachTopic(rows).map(\.name) == ["a 2", "b 1"])
    #expect(Set(oneOfEachTopic(benchmarks).map(\.topic)) == Set(benchmarks.map(\.topic)))
  }

  @Test("every row has a family and a name of its own")
  func names() {
    #expect(benchmarks.allSatisfy { !$0.family.isEmpty })
    #expect(Set(benchmarks.map(\.name)).count == benchmarks.count)
  }
}

/// The sentence of the error that something throws; `nil` if it throws none.
func refusal(_ body: () throws -> some Any) -> String? {
  do {
    _ = try body()
    return nil
  } catch {
    return (error as? UsageError)?.sentence
  }
}
