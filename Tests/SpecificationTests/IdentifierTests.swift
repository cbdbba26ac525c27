import Foundation
import Specification
import Testing

@Suite("Every id of the documents' inventory has its place")
struct IdentifierTests {
  @Test("the inventory has 178 rows and 56 errata, each id once and in a known form")
  func inventory() {
    let entries = Inventory.current.entries
    #expect(Set(entries.map(\.id)).count == entries.count)
    #expect(entries.filter { $0.kind == "erratum" }.count == 56)
    #expect(entries.count == 178 + 56)
    let kinds = [
      "equation", "layer", "model", "training", "decoding", "metric", "mentioned", "claim",
      "erratum",
    ]
    let id = /[A-Z][A-Z0-9]*-[0-9]+/
    let documents = /none|00[0-4]( \([a-z ]+\))?(, 00[0-4]( \([a-z ]+\))?)*/
    for entry in entries {
      #expect(entry.id.wholeMatch(of: id) != nil, "\(entry.id)")
      #expect(kinds.contains(entry.kind) && !entry.name.isEmpty, "\(entry.id)")
      #expect((entry.kind == "claim") == entry.id.hasPrefix("CLM-"), "\(entry.id)")
      #expect((entry.kind == "erratum") == entry.id.hasPrefix("ERR-"), "\(entry.id)")
      #expect(entry.documents.wholeMatch(of: documents) != nil, "\(entry.id)")
    }
  }

  @Test("the inventory has every topic once, and SPEC.md keeps its order and families")
  func topics() {
    let known = Inventory.current.topics
    #expect(Set(known.map(\.name)).count == known.count)
    let families = [
      "Primitives", "Attention", "Embedding", "Normalization", "Recurrent", "Transformer",
      "WordVectors", "Vision", "Training",
    ]
    #expect(known.allSatisfy { $0.family.map(families.contains) ?? ($0.title == "Mentioned only") })
    let topics = Specification.current.topics
    let expected = known.filter { topic in topics.contains { $0.title == topic.title } }
    #expect(topics.map(\.title) == expected.map(\.title))
    #expect(topics.map(\.family) == expected.map(\.family))
  }

  @Test("each id is stated once, in the section of its topic", arguments: specifiedTopics)
  func placed(topic: Inventory.Topic) {
    for entry in topic.entries {
      let stating = Self.stated.flatMap { title, ids in
        ids.filter { $0 == entry.id }.map { _ in title }
      }
      #expect(stating == [topic.title], "\(entry.id)")
    }
  }

  @Test("no id is stated that the inventory does not have")
  func known() {
    let known = Set(Inventory.current.entries.map(\.id))
    for section in Specification.current.sections {
      let unknown = section.statedIdentifiers.filter { !known.contains($0) }
      #expect(unknown.isEmpty, "“\(section.title)” states \(unknown)")
    }
  }

  @Test("each claim names what shows it, and all that is named exists")
  func laws() throws {
    let claims = Specification.current.sections.flatMap(claims)
    let expected = Self.specifiedTopics.flatMap(\.entries).filter { $0.kind == "claim" }
    #expect(claims.count == expected.count)
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

  /// Every section's title, and the ids that it states.
  private static let stated = Specification.current.sections.map {
    ($0.title, $0.statedIdentifiers)
  }

  /// The topics that have a section in SPEC.md.
  static let specifiedTopics = Inventory.current.topics.filter { topic in
    Specification.current.sections.contains { $0.title == topic.title }
  }
}

extension Inventory.Topic: CustomTestStringConvertible {
  /// The name that test reports show.
  public var testDescription: String { title }
}

/// What SPEC.md names to show a statement: a test or a law, and the file that it stands in.
private struct Evidence {
  let file: String
  let name: String

  /// Whether the file, or its part for an aspect, has a test or a law of this name.
  func stands(in source: Source) -> Bool { source.name == file && source.names.contains(name) }
}

/// A file of tests.
private struct Source {
  /// The file's name without extension and aspect.
  let name: String
  /// What its tests and laws are called.
  let names: Set<String>

  init(path: String, text: String) {
    name = String(path.split(separator: "/").last?.prefix { $0 != "+" && $0 != "." } ?? "")
    names = Set(text.matches(of: /(?:@Test|Law)\(\s*"([^"]+)"/).map { String($0.1) })
  }
}

/// Everything of the form `File`: "name".
private func evidence(in text: String) -> [Evidence] {
  text.matches(of: /`([A-Za-z0-9]+)`: "([^"]+)"/).map {
    Evidence(file: String($0.1), name: String($0.2))
  }
}

/// The items of a section that state a claim.
private func claims(in section: Section) -> [(id: String, text: String)] {
  section.passages.map(\.text).compactMap { item in
    item.prefixMatch(of: /- \*\*(CLM-[0-9]+)\*\*/).map { (String($0.1), item) }
  }
}

/// All files of tests.
private func sourcesOfTests() throws -> [Source] {
  let root = packageRoot.path(percentEncoded: false) + "Tests/"
  return try FileManager.default.subpathsOfDirectory(atPath: root)
    .filter { $0.hasSuffix(".swift") }
    .map { Source(path: $0, text: try String(contentsOfFile: root + $0, encoding: .utf8)) }
}
