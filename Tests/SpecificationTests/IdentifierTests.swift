import Foundation
import Testing

@Suite("Every id of the documents' inventory has its place")
struct IdentifierTests {
  @Test("each id is stated once, in the section of its topic", arguments: inventory)
  func placed(inventory: Inventory) {
    for id in inventory.ids {
      #expect(statements(of: id) == [inventory.section], "\(id)")
    }
  }

  @Test("no id is stated that the inventory does not have")
  func known() {
    let known = Set(Self.inventory.flatMap(\.ids))
    for section in Specification.current.sections {
      let unknown = statedIdentifiers(in: section).filter { !known.contains($0) }
      #expect(unknown.isEmpty, "“\(section.title)” states \(unknown)")
    }
  }

  @Test("each claim names what shows it, and all that is named exists")
  func laws() throws {
    let claims = Specification.current.sections.flatMap(claims)
    #expect(claims.count == Self.inventory.flatMap(\.ids).filter { $0.hasPrefix("CLM") }.count)
    for (id, text) in claims { #expect(!evidence(in: text).isEmpty, "\(id) names no test") }

    let sources = try sourcesOfTests()
    for evidence in evidence(in: Specification.current.prose.map(\.line).joined(separator: " ")) {
      let isThere = sources.contains(where: evidence.stands)
      #expect(isThere, "no \(evidence.file).swift has “\(evidence.name)”")
    }
  }

  @Test("a test is found by its file and its name together")
  func evidenceInASource() throws {
    let found = evidence(in: #"**CLM-99** holds: so it is. `OneTests`: "it is so"."#)
    let evidence = try #require(found.first)
    #expect(found.count == 1 && evidence.file == "OneTests" && evidence.name == "it is so")
    func stands(in file: String, _ text: String) -> Bool {
      evidence.stands(in: Source(path: "A/\(file).swift", text: text))
    }
    #expect(stands(in: "OneTests", "@Test(\n    \"it is so\", arguments: [1])"))
    #expect(stands(in: "OneTests+Laws", "[Law(\"it is so\") { }]"))
    #expect(!stands(in: "TwoTests", "@Test(\"it is so\")"))
    #expect(!stands(in: "OneTestsToo", "@Test(\"it is so\")"))
    #expect(!stands(in: "OneTests", "@Test(\"it is so too\")"))
    #expect(!stands(in: "OneTests", "// \"it is so\""))
  }

  static let inventory = [
    Inventory(section: "Softmax", ids: ["ATT-14", "CLM-39", "CLM-40", "ERR-47"]),
    Inventory(
      section: "Attention mask",
      ids: (1...9).map { "MSK-\($0)" } + [
        "CLM-22", "CLM-23", "CLM-26", "ERR-05", "ERR-06", "ERR-07", "ERR-14", "ERR-33",
      ]),
    Inventory(
      section: "Scaled dot-product attention",
      ids: [
        "ATT-1", "ATT-2", "ATT-11", "ATT-12", "CLM-07", "CLM-08", "CLM-09", "CLM-27", "CLM-28",
        "CLM-41", "CLM-42", "ERR-01", "ERR-03", "ERR-21", "ERR-24", "ERR-25", "ERR-26", "ERR-29",
      ]),
  ]

  /// The sections that state an id, as often as they do.
  private func statements(of id: String) -> [String] {
    Specification.current.sections.flatMap { section in
      statedIdentifiers(in: section).filter { $0 == id }.map { _ in section.title }
    }
  }
}

/// The ids that belong to a section.
struct Inventory: Sendable, CustomTestStringConvertible {
  let section: String
  let ids: [String]

  var testDescription: String { section }
}

/// What SPEC.md names to show a statement: a test or a law, and the file that it stands in.
private struct Evidence {
  let file: String
  let name: String

  /// Whether the file, or its part for an aspect, has a test or a law of this name.
  func stands(in source: Source) -> Bool {
    source.name == file
      && source.text.matches(of: /(?:@Test|Law)\(\s*"([^"]+)"/).contains { $0.1 == name }
  }
}

/// A file of tests.
private struct Source {
  let path: String
  let text: String

  /// The name without extension and aspect.
  var name: Substring { path.split(separator: "/").last?.prefix { $0 != "+" && $0 != "." } ?? "" }
}

/// Everything of the form `File`: "name".
private func evidence(in text: String) -> [Evidence] {
  text.matches(of: /`([A-Za-z0-9]+)`: "([^"]+)"/).map {
    Evidence(file: String($0.1), name: String($0.2))
  }
}

/// The ids in bold type, which is where they are stated; elsewhere they are only referred to.
private func statedIdentifiers(in section: Section) -> [String] {
  section.lines.flatMap { line in
    line.matches(of: /\*\*([A-Z]+-[0-9]+)\*\*/).map { String($0.1) }
  }
}

/// The items of a section that state a claim, their lines joined.
private func claims(in section: Section) -> [(id: String, text: String)] {
  var items: [String] = []
  for line in section.lines {
    if line.hasPrefix("- ") || line.isEmpty {
      items.append(line)
    } else if !items.isEmpty {
      items[items.count - 1] += " " + line.trimmingCharacters(in: .whitespaces)
    }
  }
  return items.compactMap { item in
    item.prefixMatch(of: /- \*\*(CLM-[0-9]+)\*\*/).map { (String($0.1), item) }
  }
}

/// All files of tests.
private func sourcesOfTests() throws -> [Source] {
  let root = Specification.repository.path(percentEncoded: false) + "Tests/"
  return try FileManager.default.subpathsOfDirectory(atPath: root)
    .filter { $0.hasSuffix(".swift") }
    .map { Source(path: $0, text: try String(contentsOfFile: root + $0, encoding: .utf8)) }
}
