import Foundation

/// SPEC.md, cut into the parts that the tests read.
struct Specification {
  /// The document, line by line.
  let lines: [String]

  /// The document beside this package's manifest; empty if it cannot be read, which tests report.
  static let current = Specification(
    text: (try? String(contentsOf: repository.appending(path: "SPEC.md"), encoding: .utf8)) ?? "")

  /// The folder of the package.
  static let repository = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  init(text: String) { lines = text.components(separatedBy: "\n") }

  /// Everything under each heading of the second level.
  var sections: [Section] {
    var sections: [Section] = []
    for (number, line, isFenced) in numberedLines {
      if !isFenced, line.hasPrefix("## ") {
        sections.append(Section(title: String(line.dropFirst(3)), line: number, lines: []))
      } else if !sections.isEmpty {
        sections[sections.count - 1].lines.append(line)
      }
    }
    return sections
  }

  /// The sections that have a `Files:` line.
  var topics: [Topic] { sections.compactMap(Topic.init) }

  /// The fenced blocks marked `example`, numbered from 1 in order of appearance.
  var examples: [Example] {
    var examples: [Example] = []
    var block: (line: Int, lines: [String])?
    for (number, line, isFenced) in numberedLines {
      if let (start, lines) = block {
        if isFenced {
          block = (start, lines + [line])
        } else {
          examples.append(
            Example(
              number: examples.count + 1, firstLine: start, text: lines.joined(separator: "\n")))
          block = nil
        }
      } else if !isFenced, line == "```example" {
        block = (number + 1, [])
      }
    }
    return examples
  }

  /// The lines outside of fenced blocks, with their numbers.
  var prose: [(number: Int, line: String)] {
    numberedLines.filter { !$0.isFenced && !$0.line.hasPrefix("```") }.map { ($0.number, $0.line) }
  }

  /// Every line with its number, and whether it lies inside a fence; the fence itself does not.
  private var numberedLines: [(number: Int, line: String, isFenced: Bool)] {
    var isFenced = false
    return lines.enumerated().map { index, line in
      if isFenced ? line == "```" : line.hasPrefix("```") {
        isFenced.toggle()
        return (index + 1, line, false)
      }
      return (index + 1, line, isFenced)
    }
  }
}

/// A heading of the second level with what stands under it.
struct Section {
  let title: String
  let line: Int
  var lines: [String]
}

/// A section that specifies something, with what its `Files:` line says.
///
///     Files: `Attention/AttentionMask`; kernel: none, masks are applied elsewhere; benchmark: none.
struct Topic {
  /// The kinds of files that a topic may do without.
  enum Kind: String, CaseIterable {
    case equation, kernel, reference, benchmark
  }

  let title: String
  /// What follows `Files:` in backticks: the family's folder and the base name.
  let path: String
  /// The kinds for which the line says none.
  let absent: Set<Kind>
  /// What could not be read of the line.
  let faults: [String]

  init?(_ section: Section) {
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

  /// The words of the title, which spaces and hyphens part.
  private var words: [String] { title.split { $0 == " " || $0 == "-" }.map(String.init) }
  /// The base name: `ScaledDotProductAttention`.
  var name: String { words.map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined() }
  /// The base name in Python: `scaled_dot_product_attention`.
  var snakeName: String { words.map { $0.lowercased() }.joined(separator: "_") }
  /// The folder: `Attention`.
  var family: String { String(path.prefix { $0 != "/" }) }
}
