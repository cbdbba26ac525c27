import Foundation

/// SPEC.md, cut into the parts that the tests and the tool read.
public struct Specification: Sendable {
  /// The document, line by line.
  public let lines: [String]

  /// The document beside this package's manifest; empty if it cannot be read, which tests report.
  public static let current = Specification(
    text: (try? String(contentsOf: packageRoot.appending(path: "SPEC.md"), encoding: .utf8)) ?? "")

  /// Everything under each heading of the second level.
  public let sections: [Section]

  /// The fenced blocks, marked `example` or otherwise.
  public let blocks: [Block]

  /// The lines outside of fenced blocks, with their numbers.
  public let prose: [(number: Int, line: String)]

  /// Cuts a document.
  public init(text: String) {
    lines = text.components(separatedBy: "\n")
    let numbered = numbered(lines, from: 1)
    sections = cut(numbered, at: "## ")
    blocks = fencedBlocks(numbered)
    prose = numbered.filter { !$0.isFenced && !$0.line.hasPrefix("```") }
      .map { ($0.number, $0.line) }
  }

  /// The sections that have a `Files:` line.
  public var topics: [Topic] { sections.compactMap(Topic.init) }
}

/// A heading with what stands under it.
public struct Section: Sendable {
  /// The heading without its marks.
  public let title: String
  /// The line of the heading.
  public let line: Int
  /// What follows, up to the next heading of the same level.
  public fileprivate(set) var lines: [String]

  /// Everything under each heading of the third level, such as `Definition`.
  public var parts: [Section] { cut(numberedLines, at: "### ") }

  /// The fenced blocks; those without a mark hold formulas.
  public var blocks: [Block] { fencedBlocks(numberedLines) }

  /// The paragraphs, list items and tables outside of fenced blocks.
  public var passages: [Passage] {
    var (passages, isOpen): ([Passage], Bool) = ([], false)
    for (number, line, isFenced) in numberedLines {
      if isFenced || line.isEmpty || line.hasPrefix("```") || line.hasPrefix("#") {
        isOpen = false
      } else if isOpen, !line.hasPrefix("- ") {
        passages[passages.count - 1].lines.append(line)
      } else {
        passages.append(Passage(line: number, lines: [line]))
        isOpen = true
      }
    }
    return passages
  }

  /// The ids in bold type, which is where they are stated; elsewhere they are only referred to.
  public var statedIdentifiers: [String] {
    lines.joined(separator: "\n").matches(of: /\*\*([A-Z0-9]+-[0-9]+)\*\*/).map { String($0.1) }
  }

  /// Where the section states an id, and with which words.
  ///
  /// One of several ids in a paragraph, `**MSK-1** causal mask · **MSK-2** additive mask`, is stated
  /// by its own clause.
  public func statements(of id: String) -> [(line: Int, text: String)] {
    let clauseMark = /\ · (?=\*\*)/
    return passages.flatMap { passage in
      passage.text.split(separator: clauseMark)
        .filter { $0.contains("**\(id)**") || $0.contains("**\(id).**") }
        .map { (passage.line, String($0.trimmingPrefix("- "))) }
    }
  }

  /// What the dialects are about, each with its names: `Query padding: visible, hidden`.
  ///
  /// They are read off a part `Dialects`: a paragraph names its subject in bold type and the dialects
  /// as code, a table that follows it has them in its first column.
  public var dialects: [String] {
    var dialects: [(subject: String, names: [String])] = []
    for passage in passages {
      let isTable = passage.text.hasPrefix("|")
      let subjects = passage.text.matches(of: /\*\*([^*]+?)\.?\*\*/).map { String($0.1) }
      if !isTable, !subjects.isEmpty {
        dialects.append((subjects.joined(separator: ", "), []))
      }
      guard let last = dialects.indices.last else { continue }
      let cells = passage.lines.compactMap { $0.split(separator: "|").first }
      let text = isTable ? cells.joined() : passage.text
      for match in text.matches(of: /`([a-z][A-Za-z]*(?:\([^)]*\))?)`/) {
        let name = String(match.1)
        // `factor(1)` is `factor` again, and a name like the subject's is the argument's label.
        let known = dialects[last].names + [dialects[last].subject.lowercased()]
        if known.allSatisfy({ $0 != name && $0 != name.prefix { $0 != "(" } }) {
          dialects[last].names.append(name)
        }
      }
    }
    return dialects.map { subject, names in
      names.isEmpty ? subject : "\(subject): \(names.joined(separator: ", "))"
    }
  }

  private var numberedLines: [NumberedLine] { numbered(lines, from: line + 1) }
}

/// What stands between two fences.
public struct Block: Sendable {
  /// What follows the opening fence: `example`, or nothing.
  public let mark: String
  /// The line of the document that it begins in, below the fence.
  public let firstLine: Int
  /// The lines, joined.
  public let text: String
}

/// A paragraph, an item of a list or a table.
public struct Passage: Sendable {
  /// The line of the document that it begins in.
  public let line: Int
  /// Its lines as they stand.
  public fileprivate(set) var lines: [String]

  /// Its lines joined into one.
  public var text: String {
    lines.map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: " ")
  }
}

/// A section that specifies something, with what its `Files:` line says.
///
///     Files: `Attention/AttentionMask`; kernel: none, masks are applied elsewhere; benchmark: none.
public struct Topic: Sendable {
  /// The kinds of files that a topic may do without.
  public enum Kind: String, CaseIterable, Sendable {
    /// `Sources/Equations` and its tests.
    case equation
    /// `Sources/Kernels`, its error bound and its tests.
    case kernel
    /// The vectors and the oracle.
    case reference
    /// The rows of the benchmark.
    case benchmark
  }

  /// The section's title.
  public let title: String
  /// What follows `Files:` in backticks: the family's folder and the base name.
  public let path: String
  /// The kinds for which the line says none.
  public let absent: Set<Kind>
  /// What could not be read of the line.
  public let faults: [String]

  /// Reads the line, if the section has one.
  public init?(_ section: Section) {
    guard let line = section.lines.first(where: { $0.hasPrefix("Files:") }) else { return nil }
    title = section.title
    var clauses = line.dropFirst("Files:".count).split(separator: ";").map {
      $0.trimmingCharacters(in: CharacterSet(charactersIn: " ."))
    }
    path = clauses.isEmpty ? "" : clauses.removeFirst().replacing("`", with: "")
    var (absent, faults): (Set<Kind>, [String]) = ([], [])
    for clause in clauses {
      let parts = clause.split(separator: ":", maxSplits: 1).map {
        $0.trimmingCharacters(in: .whitespaces)
      }
      if parts.count == 2, let kind = Kind(rawValue: parts[0]), parts[1].hasPrefix("none") {
        absent.insert(kind)
      } else {
        faults.append("“\(title)”: the Files line has “\(clause)”, not a kind and “none”")
      }
    }
    (self.absent, self.faults) = (absent, faults)
  }

  /// The base name: `ScaledDotProductAttention`.
  public var name: String { baseName(ofTitle: title) }
  /// The base name in Python: `scaled_dot_product_attention`.
  public var snakeName: String {
    words(ofTitle: title).map { $0.lowercased() }.joined(separator: "_")
  }
  /// The folder: `Attention`.
  public var family: String { String(path.prefix { $0 != "/" }) }

  /// The files that the topic has to have, by their paths in the package.
  public var files: [String] {
    let files: [Kind: [String]] = [
      .equation: [
        "Sources/Equations/\(family)/\(name).swift",
        "Tests/EquationsTests/\(family)/\(name)Tests.swift",
      ],
      .kernel: [
        "Sources/Kernels/\(family)/\(name).swift",
        "Sources/ErrorBounds/\(family)/\(name).swift",
        "Tests/KernelsTests/\(family)/\(name)Tests.swift",
      ],
      .reference: [
        "Reference/Vectors/\(name).safetensors", "Reference/Oracle/\(snakeName).py",
      ],
      .benchmark: ["Benchmarks/\(family)/\(name)Benchmarks.swift"],
    ]
    return Kind.allCases.filter { !absent.contains($0) }.flatMap { files[$0] ?? [] }
  }
}

/// The name of a topic's files: its title without spaces and hyphens.
func baseName(ofTitle title: String) -> String {
  words(ofTitle: title).map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
}

/// The words of a title, which spaces and hyphens part.
private func words(ofTitle title: String) -> [String] {
  title.split { $0 == " " || $0 == "-" }.map(String.init)
}

// MARK: - Lines

/// A line with its number, and whether it lies inside a fence; the fence itself does not.
private typealias NumberedLine = (number: Int, line: String, isFenced: Bool)

private func numbered(_ lines: [String], from first: Int) -> [NumberedLine] {
  var isFenced = false
  return lines.enumerated().map { index, line in
    if isFenced ? line == "```" : line.hasPrefix("```") {
      isFenced.toggle()
      return (first + index, line, false)
    }
    return (first + index, line, isFenced)
  }
}

/// Everything under each heading that begins with `mark`.
private func cut(_ lines: [NumberedLine], at mark: String) -> [Section] {
  var sections: [Section] = []
  for (number, line, isFenced) in lines {
    if !isFenced, line.hasPrefix(mark) {
      sections.append(
        Section(title: String(line.dropFirst(mark.count)), line: number, lines: []))
    } else if !sections.isEmpty {
      sections[sections.count - 1].lines.append(line)
    }
  }
  return sections
}

/// What stands between two fences, in order.
private func fencedBlocks(_ lines: [NumberedLine]) -> [Block] {
  var blocks: [Block] = []
  var open: (mark: Substring, firstLine: Int, lines: [String])?
  for (number, line, isFenced) in lines {
    if isFenced {
      open?.lines.append(line)
    } else if let (mark, firstLine, lines) = open {
      blocks.append(
        Block(mark: String(mark), firstLine: firstLine, text: lines.joined(separator: "\n")))
      open = nil
    } else if line.hasPrefix("```") {
      open = (line.dropFirst(3), number + 1, [])
    }
  }
  return blocks
}
