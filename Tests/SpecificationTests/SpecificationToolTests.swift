import Foundation
import Notation
import Testing

@testable import Specification

@Suite("The tool finds and prints what stands about an id")
struct SpecificationToolTests {
  private let tool: SpecificationTool

  init() throws { tool = try SpecificationTool() }

  @Test("the list has a line for every id, marked by whether SPEC.md states it")
  func list() {
    let lines = tool.list().split(separator: "\n")
    let stated = Set(Specification.current.sections.flatMap(\.statedIdentifiers))
    for entry in Inventory.current.entries {
      let mark = stated.contains(entry.id) ? "✓" : "–"
      let found = lines.filter { $0.hasPrefix("\(mark) \(entry.id) ") }
      #expect(found.count == 1 && found[0].contains(entry.name), "\(entry.id)")
    }
    #expect(lines.last == "✓ specified in SPEC.md: \(stated.count) of 234; – not yet")
  }

  @Test("an id shows its statement, formula, files, sources and vectors")
  func showID() throws {
    let text = try tool.show("err-47")
    for part in [
      "ERR-47  softmax makes every number positive", "erratum · 003 · Primitives / Softmax",
      "ERR-47 003 §8 says", "softmax:     p_i = exp(z_i) / Σ_j exp(z_j)",
      "Sources/Kernels/Primitives/Softmax.swift", "Reference/Vectors/Softmax.safetensors",
      "CLM-39", "J. Bridle", "Softmax/gaps", "Expected\n  output",
    ] {
      #expect(text.contains(part), "\(part)")
    }
    #expect(!text.contains("**"))
  }

  @Test("every topic and every id can be shown", arguments: Inventory.current.topics)
  func showAll(topic: Inventory.Topic) throws {
    #expect(try tool.show(topic.title).split(separator: "\n")[0].hasSuffix(topic.title))
    for entry in topic.entries { #expect(try tool.show(entry.id).hasPrefix("\(entry.id)  ")) }
  }

  @Test("an id without a section is shown as not specified yet")
  func unspecified() throws {
    let entry = Inventory.Entry(id: "ABC-1", name: "a name", kind: "layer", documents: "000")
    let topic = Inventory.Topic(family: "Family", title: "Two words", entries: [entry])
    let tool = SpecificationTool(
      specification: Specification(text: "## Other"), inventory: Inventory(topics: [topic]),
      cases: [])
    #expect(tool.list().contains("Family / Two words (no section yet)\n– ABC-1"))
    #expect(try tool.show("abc-1").contains("SPEC.md has no section “Two words” yet."))
  }

  @Test("one case is shown with its numbers, by its name or its path")
  func showCase() throws {
    for name in ["single-key", "ScaledDotProductAttention/single-key"] {
      let text = try tool.show("ATT-1", case: name)
      #expect(text.hasPrefix("Case ScaledDotProductAttention/single-key\n"))
      #expect(text.contains("fill excluded, scale rootKeyWidth"))
      #expect(text.contains("\nInputs\n  keys  ") && text.contains("\nExpected\n  output  "))
    }
  }

  @Test("the README quotes the tool as it is")
  func readme() throws {
    let readme = try String(contentsOf: packageRoot.appending(path: "README.md"), encoding: .utf8)
    let quoted = try tool.show("ERR-06", case: "AttentionMask/causal")
    #expect(readme.contains("show ERR-06 --case AttentionMask/causal\n\(quoted)\n```"))
  }

  @Test("what there is not is refused with what is nearest")
  func refusals() throws {
    let id = try #require(throws: SpecificationTool.Refusal.self) { try tool.show("MSK-77") }
    #expect(id.sentence.hasPrefix("there is no id or topic “MSK-77”; the nearest are\n  MSK-7  "))
    let vector = try #require(throws: SpecificationTool.Refusal.self) {
      try tool.show("softmax", case: "squares")
    }
    #expect(vector.sentence == "softmax has no case “squares”; the nearest is “square”")
  }
}

@Suite("Names are found as they are meant")
struct InventorySearchTests {
  private let inventory = Inventory.current

  @Test("case, spaces, hyphens and leading zeros do not matter")
  func spelling() {
    for name in ["clm-7", "CLM-07", "Clm 07"] {
      #expect(inventory.subject(named: name)?.entry?.id == "CLM-07", "\(name)")
    }
    for name in ["scaled dot-product attention", "ScaledDotProductAttention"] {
      let subject = inventory.subject(named: name)
      #expect(subject?.topic.title == "Scaled dot-product attention" && subject?.entry == nil)
    }
    #expect(inventory.subject(named: "ATT-10")?.entry?.id == "ATT-10")
    #expect(inventory.subject(named: "ATT") == nil)
  }

  @Test("the nearest are topics, ids and parts of names")
  func nearest() {
    #expect(inventory.nearest(to: "sofmax", count: 1) == ["Softmax"])
    #expect(inventory.nearest(to: "SWIN-6", count: 9).contains { $0.hasPrefix("SWIN-5  ") })
    #expect(inventory.nearest(to: "fre output width", count: 1)[0].hasPrefix("MHA-7  "))
  }

  @Test("a distance counts insertions, removals and replacements")
  func distances() {
    #expect(distance(from: "kitten", to: "sitting") == 3)
    #expect(distance(from: "", to: "abc") == 3 && distance(from: "abc", to: "") == 3)
    #expect(distance(from: "mask", to: "the mask of a", anywhere: true) == 0)
    #expect(distance(from: "maks", to: "the mask of a", anywhere: true) == 1)
    #expect(distance(from: "abc", to: "", anywhere: true) == 3)
  }
}

@Suite("SPEC.md's parts are read as they stand")
struct SpecificationPartsTests {
  private let section = Specification(
    text: """
      ## One
      **ABC-1** first · **ABC-2** second
      goes on

      **ABC-2.** More.
      ### Definition
      ```
      ### no heading, **ABC-3**
      ```
      ### Dialects
      **Kind.** The default, `plain`, is `kind` in `PyTorch`, or `plain(1)`.

      | kind | by |
      |---|---|
      | `other(-1)` | `someone` |

      **Order** is free.
      ### Laws
      - **CLM-1** holds
        on two lines.
      - **CLM-2** u · v too.
      """
  ).sections[0]

  @Test("parts and blocks have the lines of the document")
  func parts() {
    #expect(section.parts.map(\.title) == ["Definition", "Dialects", "Laws"])
    #expect(section.parts.map(\.line) == [6, 10, 18])
    #expect(section.blocks.map(\.text) == ["### no heading, **ABC-3**"])
    #expect(section.parts[0].blocks.map(\.firstLine) == [8])
  }

  @Test("an id is stated by its clause, its paragraph or its item")
  func statements() {
    #expect(section.statements(of: "ABC-1").map(\.text) == ["**ABC-1** first"])
    let second = section.statements(of: "ABC-2")
    #expect(second.map(\.text) == ["**ABC-2** second goes on", "**ABC-2.** More."])
    #expect(second.map(\.line) == [2, 5])
    #expect(section.statements(of: "CLM-1").map(\.text) == ["**CLM-1** holds on two lines."])
    #expect(section.statements(of: "CLM-2").map(\.text) == ["**CLM-2** u · v too."])
    #expect(section.statements(of: "ABC-3").isEmpty)
  }

  @Test("dialects are named by bold subjects, code and the first column of tables")
  func dialects() {
    #expect(section.parts[1].dialects == ["Kind: plain, other(-1)", "Order"])
  }
}

@Suite("Tensors are printed readably")
struct TensorTextTests {
  @Test("rows stand under rows, columns under columns")
  func rows() {
    let x = Tensor(shape: [2, 2, 2], storage: [1, 2.5, -10, .nan, 0, 0, -.infinity, 1e-7])
    #expect(
      x.map { plain($0) }.text(limit: 8) == """
        2 × 2 × 2
        [[[    1,   2.5],
          [  -10,   nan]],
         [[    0,     0],
          [ -inf, 1e-07]]]
        """)
    #expect(Tensor(shape: [3], storage: ["1", "-20", "3"]).text(limit: 3) == "3\n[1, -20, 3]")
    #expect(Tensor(shape: [], storage: ["7"]).text(limit: 3) == "one element\n7")
  }

  @Test("of a large tensor only the first elements are printed, of an empty one its shape")
  func limits() {
    let x = Tensor(shape: [2, 5], storage: (0..<10).map { "\($0)" })
    #expect(x.text(limit: 9) == "2 × 5\n0, 1, 2, 3, 4, 5, 6, 7, …")
    #expect(Tensor<String>(shape: [0, 3], storage: []).text(limit: 9) == "0 × 3")
  }
}
