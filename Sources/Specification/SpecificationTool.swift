import Foundation

/// The texts that `spec list` and `spec show` print.
public struct SpecificationTool: Sendable {
  let specification: Specification
  let inventory: Inventory
  let cases: [GoldenCase]

  /// Why there is nothing to print.
  public struct Refusal: Error, Sendable {
    /// The reason, in a sentence.
    public let sentence: String

    /// Gives the reason.
    public init(_ sentence: String) { self.sentence = sentence }
  }
}

extension SpecificationTool {
  /// Reads SPEC.md, the inventory and the vectors of this package.
  public init() throws {
    (specification, inventory) = (.current, .current)
    guard !specification.sections.isEmpty, !inventory.topics.isEmpty else {
      throw Refusal("SPEC.md or Reference/Inventory.json in \(packageRoot.path) cannot be read")
    }
    cases = try GoldenCase.all()
  }

  private func section(of topic: Inventory.Topic) -> Section? {
    specification.sections.first { $0.title == topic.title }
  }
}

// MARK: - List

extension SpecificationTool {
  /// One line for each id of the inventory, under its topic.
  public func list() -> String {
    var (lines, stated): ([String], Int) = ([], 0)
    for topic in inventory.topics {
      let section = section(of: topic)
      let mark = section == nil ? " (no section yet)" : topic.entries.isEmpty ? " (no ids)" : ""
      lines += ["", heading(of: topic) + mark]
      let statedIDs = Set(section?.statedIdentifiers ?? [])
      for entry in topic.entries {
        let isStated = statedIDs.contains(entry.id)
        stated += isStated ? 1 : 0
        lines.append("\(isStated ? "✓" : "–") \(row(of: entry))")
      }
    }
    lines += ["", "✓ specified in SPEC.md: \(stated) of \(inventory.entries.count); – not yet"]
    return lines.dropFirst().joined(separator: "\n")
  }

  private func heading(of topic: Inventory.Topic) -> String {
    ([topic.family].compactMap(\.self) + [topic.title]).joined(separator: " / ")
  }

  private func row(of entry: Inventory.Entry) -> String {
    func column(_ text: String, _ path: KeyPath<Inventory.Entry, String>) -> String {
      text.padded(to: inventory.entries.map { $0[keyPath: path].count }.max()!)
    }
    let columns = [column(entry.id, \.id), column(entry.kind, \.kind), column(entry.name, \.name)]
    return (columns + [entry.documents]).joined(separator: "  ")
  }
}

// MARK: - Show

extension SpecificationTool {
  /// Everything that stands anywhere about an id or a topic.
  public func show(_ name: String) throws -> String {
    let subject = try subject(named: name)
    let topic = subject.topic
    var parts: [String] = []
    if let entry = subject.entry {
      parts.append(
        """
        \(entry.id)  \(entry.name)
        \(entry.kind) · \(entry.documents) · \(heading(of: topic))
        """)
    } else {
      parts.append(heading(of: topic))
    }
    if let section = section(of: topic) {
      parts += self.parts(of: section, stating: subject.entry)
    } else {
      parts.append("SPEC.md has no section “\(topic.title)” yet.")
    }
    parts.append(part("Ids of the topic", topic.entries.map(row)))
    parts += try vectors(of: subject)
    return parts.filter { !$0.isEmpty }.joined(separator: "\n\n")
  }

  /// The case of an id or a topic that has this name, or `Topic/name`, with its numbers.
  public func show(_ name: String, case id: String) throws -> String {
    let cases = cases(of: try subject(named: name))
    let chosen = cases.filter { [$0.id, $0.path].contains(id) }
    guard !chosen.isEmpty else {
      let near = cases.map { ($0.id, distance(from: id, to: $0.id)) }.min { $0.1 < $1.1 }
      throw Refusal(
        "\(name) has no case “\(id)”" + (near.map { "; the nearest is “\($0.0)”" } ?? ""))
    }
    return try chosen.map(text).joined(separator: "\n\n")
  }

  private func subject(named name: String) throws(Refusal) -> Inventory.Subject {
    if let subject = inventory.subject(named: name) { return subject }
    throw Refusal(
      "there is no id or topic “\(name)”; the nearest are\n"
        + inventory.nearest(to: name).map { "  \($0)" }.joined(separator: "\n"))
  }

  /// What SPEC.md says, and where the files are.
  private func parts(of section: Section, stating entry: Inventory.Entry?) -> [String] {
    func named(_ title: String) -> Section? { section.parts.first { $0.title == title } }
    var parts: [String] = []
    if let entry {
      parts += section.statements(of: entry.id).map { line, text in
        part("SPEC.md line \(line)", [text.wrapped])
      }
    }
    let formulas = named("Definition")?.blocks.filter { $0.mark.isEmpty } ?? []
    parts.append(part("Definition", [formulas.map(\.text).joined(separator: "\n\n")]))
    parts.append(part("Dialects", named("Dialects").map { $0.dialects.map(\.wrapped) } ?? []))
    let examples = section.blocks.filter { $0.mark == "example" }
    if let first = examples.first, let last = examples.last {
      let lines = "SPEC.md lines \(first.firstLine) to \(last.firstLine)"
      parts.append(part("Examples", ["\(examples.count), \(lines)"]))
    }
    let files = Topic(section)?.files ?? []
    parts.append(part("Files", ["SPEC.md:\(section.line)"] + files))
    parts.append(part("Sources", named("Sources")?.passages.map(\.text.wrapped) ?? []))
    return parts
  }

  private func part(_ title: String, _ lines: [String]) -> String {
    let text = lines.joined(separator: "\n")
    return text.isEmpty ? "" : "\(title)\n\(text.indented)"
  }
}

// MARK: - Vectors

extension SpecificationTool {
  /// How many elements a tensor may have that is printed whole.
  private static var limit: Int { 64 }

  /// One line for each case, and with its numbers the first one that is printed whole.
  private func vectors(of subject: Inventory.Subject) throws -> [String] {
    let cases = cases(of: subject)
    guard let shown = cases.first(where: { $0.largestCount <= Self.limit }) ?? cases.first else {
      return []
    }
    let width = cases.map(\.path.count).max()!
    let lines = cases.map { "\($0.path.padded(to: width))  \($0.purpose)" }
    return [part("Vectors, \(cases.count)", lines), try text(of: shown)]
  }

  /// The cases of a topic, or all that name an id: first those of its own topic.
  private func cases(of subject: Inventory.Subject) -> [GoldenCase] {
    let own = cases.filter { $0.topic == subject.topic.name }
    guard let id = subject.entry?.id else { return own }
    return (own + cases.filter { $0.topic != subject.topic.name }).filter { $0.ids.contains(id) }
  }

  /// A case with its numbers.
  private func text(of vector: GoldenCase) throws -> String {
    func tensors(_ names: [String: String]) throws -> [String] {
      try names.sorted { $0.key < $1.key }.map { name, tensor in
        let lines = try vector.text(ofTensor: tensor, limit: Self.limit).split(separator: "\n")
        return "\(name)  \(lines[0])" + lines.dropFirst().map { "\n  \($0)" }.joined()
      }
    }
    let header = [
      "\(vector.function): \(vector.purpose)", "\(vector.attributes)",
      "ids      \(vector.ids.joined(separator: ", "))",
      "oracles  \(vector.oracles.joined(separator: "; "))",
    ]
    return [
      part("Case \(vector.path)", header.filter { !$0.isEmpty }),
      part("Inputs", try tensors(vector.inputs)),
      part("Expected", try tensors(vector.expectations)),
    ].filter { !$0.isEmpty }.joined(separator: "\n")
  }
}

extension GoldenCase {
  /// The topic's file and the case's name within it.
  fileprivate var path: String { "\(topic)/\(id)" }

  /// The number of elements of its largest tensor.
  fileprivate var largestCount: Int {
    let names = [String](inputs.values) + expectations.values
    return names.compactMap { file.tensors[$0]?.shape.reduce(1, *) }.max() ?? 0
  }
}
