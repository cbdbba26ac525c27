import Foundation
import Testing

@testable import Specification

@Suite("Everything in the documents is covered")
struct CoverageTests {
  @Test("no id lacks what it must have")
  func complete() throws {
    let coverage = try Coverage.current()
    for row in coverage.rows { #expect(row.missing.isEmpty, "\(row.entry.id)") }
    #expect(coverage.percent == 100 && coverage.rows.count == 234)
    #expect(coverage.matrix.hasSuffix("\n\ncoverage: 100 %, 234 of 234 ids"))
  }

  @Test("the README shows the matrix as it is")
  func readme() throws {
    let readme = try String(contentsOf: packageRoot.appending(path: "README.md"), encoding: .utf8)
    #expect(readme.contains(try Coverage.current().matrix))
  }

  @Test("what is there of an id is found, and what is missing is named")
  func fabricated() throws {
    let vector = try #require(try GoldenCase.all(of: "softmax").first)
    let id = try #require(vector.ids.first)
    func missing(
      _ kind: String = "equation", specification: String = "**ATT-14** softmax",
      equations: [String] = ["/// ATT-13 to ATT-15."],
      tests: String = #"of: "softmax" law.hold(for: version.expectRejection("#
    ) -> [Coverage.Aspect] {
      let entry = Inventory.Entry(id: id, name: "a name", kind: kind, documents: "000")
      let topic = Inventory.Topic(family: "Family", title: "One", entries: [entry])
      let coverage = Coverage(
        of: Inventory(topics: [topic]),
        specification: Specification(text: "## One\n" + specification),
        cases: [vector], equations: equations, tests: ["OneTests": tests])
      #expect(coverage.percent == (coverage.rows[0].missing.isEmpty ? 100 : 0))
      return coverage.rows[0].missing
    }
    #expect(id == "ATT-14" && missing() == [])
    #expect(missing(specification: "ATT-14") == [.specification])
    #expect(missing(equations: ["ATT-1, ATT-13 to ATT-13"]) == [.equation])
    #expect(missing(tests: #"of: "softmax" law.hold(for:"#) == [.wrongVersions])
    #expect(missing(tests: #"of: "softmax" version.expectRejection("#) == [.laws])
    #expect(missing(tests: #"of: "soft" .hold(for: .expectRejection("#) == [.laws, .wrongVersions])
    #expect(missing("training", equations: [], tests: "") == [])
    #expect(missing("claim") == [.evidence])
    #expect(missing("claim", specification: "- **ATT-14** holds. `OneTests`: \"so\".") == [])
    #expect(missing("mentioned", specification: "") == [.specification])
  }

  @Test("ids are read singly and as ranges")
  func ranges() {
    #expect(
      identifiers(in: "W2V-1, PE-9 to PE-11; ERR-08 to ERR-10, X-2 to Y-3") == [
        "W2V-1", "PE-9", "PE-10", "PE-11", "ERR-08", "ERR-09", "ERR-10", "X-2", "Y-3",
      ])
  }
}
