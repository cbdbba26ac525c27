import Specification
import Testing

@Suite("Every section of SPEC.md is laid out as its introduction says")
struct SectionTests {
  private let specification = Specification.current

  @Test("the parts of a topic come in the order of the introduction's table")
  func order() {
    let order = listedParts
    #expect(order.contains("Definition") && order.contains("Examples"))
    for section in topicSections {
      let parts = section.parts.map(\.title)
      #expect(parts == order.filter(parts.contains), "“\(section.title)” has \(parts)")
      for part in ["Definition", "Edge cases", "Examples", "Sources"] {
        #expect(parts.contains(part), "“\(section.title)” has no \(part)")
      }
    }
  }

  @Test("the table of topics has every topic with its family")
  func table() throws {
    let table = try #require(specification.sections.first { $0.title == "Topics" })
    let row = /^\| ([A-Za-z]+) \| \[(.+)\]\(#(.+)\) \|/
    let rows = table.lines.compactMap { $0.firstMatch(of: row) }.map { "\($0.1) \($0.2) \($0.3)" }
    #expect(
      rows
        == specification.topics.map {
          "\($0.family) \($0.title) \($0.title.lowercased().replacing(" ", with: "-"))"
        })
  }

  @Test("every topic has an example, and one for its kernel unless it has none")
  func examples() throws {
    #expect(topicSections.count >= 4)
    for section in topicSections {
      let examples = Specification(text: section.lines.joined(separator: "\n")).examples
      #expect(!examples.isEmpty, "“\(section.title)” has no example")
      if Topic(section)?.absent.contains(.kernel) == true { continue }
      let concerned = try examples.reduce(0) { try $0 + $1.check(.kernels) }
      #expect(concerned > 0, "“\(section.title)” has no example for its kernel")
    }
  }

  @Test("no number with decimals stands where no test reads it")
  func numbersInProse() {
    for (number, line) in specification.prose {
      // Sections of the documents are cited as §2.6.1.
      let decimals = line.matches(of: /[0-9§.]+/).map { String($0.output) }
        .filter { $0.wholeMatch(of: /[0-9]+\.[0-9]+/) != nil }
      #expect(decimals.isEmpty, "SPEC.md line \(number)")
    }
  }

  private var topicSections: [Section] { specification.sections.filter { Topic($0) != nil } }

  /// The capitalised names in the first column of the table of parts.
  private var listedParts: [String] {
    specification.prose.compactMap { _, line in
      line.firstMatch(of: /^\| ([A-Z][a-z ]+) \| [a-z]/).map { String($0.1) }
    }
  }
}
