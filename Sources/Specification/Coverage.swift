import Foundation

/// For every id of the inventory, what the package has of it and what it should have.
///
/// An equation, a layer, a model, a way of decoding and a metric must be stated in SPEC.md, stand in
/// `Sources/Equations`, have golden vectors, and be a case of a function whose tests check laws and
/// reject wrong versions. What belongs to training must be stated, and so must claims, each with a test,
/// errata, and what is only mentioned.
public struct Coverage: Sendable {
  /// One row for each id, in the inventory's order.
  public let rows: [Row]

  /// What there may be of an id.
  public enum Aspect: String, CaseIterable, Sendable {
    /// Stated in SPEC.md.
    case specification = "SPEC.md"
    /// Named by an equation in `Sources`.
    case equation
    /// Named by a case of the golden vectors.
    case vectors
    /// The functions of those cases are held to laws.
    case laws
    /// Wrong versions of those functions are rejected.
    case wrongVersions = "wrong versions"
    /// A claim names what shows or refutes it.
    case evidence
  }

  /// An id with what there is of it.
  public struct Row: Sendable {
    /// The topic that it belongs to.
    public let topic: String
    /// The id's row in the inventory.
    public let entry: Inventory.Entry
    /// What there is.
    public let present: Set<Aspect>

    /// What there must be of such an id.
    public var required: Set<Aspect> {
      switch entry.kind {
      case "equation", "layer", "model", "decoding", "metric":
        [.specification, .equation, .vectors, .laws, .wrongVersions]
      case "claim": [.specification, .evidence]
      default: [.specification]
      }
    }

    /// What should be there and is not.
    public var missing: [Aspect] { Aspect.allCases.filter(required.subtracting(present).contains) }
  }

  /// Looks everything up.
  ///
  /// - Parameters:
  ///   - inventory: The ids.
  ///   - specification: SPEC.md.
  ///   - cases: The golden vectors.
  ///   - equations: The sources of equations and notation.
  ///   - tests: The sources of the equations' tests, by the name of the topic's test file.
  public init(
    of inventory: Inventory, specification: Specification, cases: [GoldenCase],
    equations: [String], tests: [String: String]
  ) {
    let named = Set(equations.flatMap(identifiers))
    let functions = cases.reduce(into: [:] as [String: Set<String>]) { functions, vector in
      for id in vector.ids { functions[id, default: []].insert(vector.function) }
    }
    func tested(with mark: String) -> Set<String> {
      let texts = tests.values.filter { $0.contains(mark) }
      return Set(cases.map(\.function)).filter { name in
        texts.contains { $0.contains("\"\(name)\"") }
      }
    }
    let (lawful, rejecting) = (tested(with: ".hold(for:"), tested(with: ".expectRejection("))
    rows = inventory.topics.flatMap { topic in
      let section = specification.sections.first { $0.title == topic.title }
      return topic.entries.map { entry in
        let statements = section?.statements(of: entry.id) ?? []
        let functions = functions[entry.id] ?? []
        let has: [Aspect: Bool] = [
          .specification: !statements.isEmpty, .equation: named.contains(entry.id),
          .vectors: !functions.isEmpty, .laws: !functions.isDisjoint(with: lawful),
          .wrongVersions: !functions.isDisjoint(with: rejecting),
          .evidence: statements.contains { $0.text.contains(/`[A-Za-z0-9]+Tests`: "/) },
        ]
        return Row(
          topic: topic.title, entry: entry, present: Set(has.filter(\.value).map(\.key)))
      }
    }
  }

  /// How many ids lack nothing, in percent, rounded down.
  public var percent: Int {
    rows.isEmpty ? 0 : 100 * rows.count { $0.missing.isEmpty } / rows.count
  }
}

extension Coverage {
  /// The coverage of this package.
  public static func current() throws -> Coverage {
    Coverage(
      of: .current, specification: .current, cases: try GoldenCase.all(),
      equations: try ["Sources/Equations", "Sources/Notation"].flatMap {
        try sources(in: $0).map(\.text)
      },
      tests: try sources(in: "Tests/EquationsTests").reduce(into: [:]) { tests, file in
        let name = file.name.prefix { $0 != "+" && $0 != "." }
        tests[String(name), default: ""] += file.text
      })
  }

  private static func sources(in folder: String) throws -> [(name: String, text: String)] {
    let root = packageRoot.appending(path: folder)
    return try FileManager.default.subpathsOfDirectory(atPath: root.path(percentEncoded: false))
      .filter { $0.hasSuffix(".swift") }
      .map {
        let file = root.appending(path: $0)
        return (file.lastPathComponent, try String(contentsOf: file, encoding: .utf8))
      }
  }
}

/// The ids in a text; `PE-1 to PE-3` are three.
func identifiers(in text: String) -> [String] {
  text.matches(of: /\b([A-Z][A-Z0-9]*)-([0-9]+)(?: to \1-([0-9]+))?/).flatMap { match in
    guard let first = Int(match.2), let last = Int(match.3 ?? match.2), first <= last else {
      return [] as [String]
    }
    // Claims and errata have two digits.
    return (first...last).map { "\(match.1)-\($0 < 10 && match.2.count == 2 ? "0" : "")\($0)" }
  }
}

// MARK: - The matrix

extension Coverage {
  /// One row for each topic: of how many ids there is what they must have; then what is missing.
  public var matrix: String {
    let columns = ["topic", "ids"] + Aspect.allCases.map(\.rawValue)
    var table = [columns, columns.map { String(repeating: "-", count: $0.count) }]
    for topic in rows.map(\.topic).uniqued {
      let rows = rows.filter { $0.topic == topic }
      table.append(
        [topic, "\(rows.count)"]
          + Aspect.allCases.map { aspect in
            let asked = rows.filter { $0.required.contains(aspect) }
            let met = asked.count { $0.present.contains(aspect) }
            return asked.isEmpty ? "" : met == asked.count ? "\(met)" : "\(met) of \(asked.count)"
          })
    }
    let widths = columns.indices.map { column in table.map { $0[column].count }.max()! }
    let lines = table.map { row in
      "| " + zip(row, widths).map { $0.padded(to: $1) }.joined(separator: " | ") + " |"
    }
    let complete = rows.count { $0.missing.isEmpty }
    return (lines + faults + ["", "coverage: \(percent) %, \(complete) of \(rows.count) ids"])
      .joined(separator: "\n")
  }

  /// A line for each id that lacks something.
  private var faults: [String] {
    let incomplete = rows.filter { !$0.missing.isEmpty }
    return (incomplete.isEmpty ? [] : [""])
      + incomplete.map { row in
        "\(row.entry.id) lacks \(row.missing.map(\.rawValue).joined(separator: ", "))"
      }
  }
}

extension Array where Element: Hashable {
  /// The elements without those that came before.
  fileprivate var uniqued: [Element] {
    var seen: Set<Element> = []
    return filter { seen.insert($0).inserted }
  }
}
