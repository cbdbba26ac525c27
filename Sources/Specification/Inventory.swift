import Foundation

/// `Reference/Inventory.json`: everything in the documents that can be specified, by topic.
public struct Inventory: Sendable, Decodable {
  /// The topics in SPEC.md's order, those to come included.
  public let topics: [Topic]

  /// The file of this package; empty if it cannot be read, which tests report.
  public static let current: Inventory = {
    let file = packageRoot.appending(path: "Reference/Inventory.json")
    let read = try? JSONDecoder().decode(Inventory.self, from: Data(contentsOf: file))
    return read ?? Inventory(topics: [])
  }()

  /// Every row, in the order of the topics.
  public var entries: [Entry] { topics.flatMap(\.entries) }

  /// A topic with what belongs to it.
  public struct Topic: Sendable, Decodable {
    /// The folder of its files; `nil` for what is only mentioned, and has none.
    public let family: String?
    /// The title of its section in SPEC.md.
    public let title: String
    /// Its rows: equations and layers first, then claims, then errata.
    public let entries: [Entry]

    /// The base name of its files.
    public var name: String { baseName(ofTitle: title) }
  }

  /// A row: an equation, a claim, an erratum or whatever else a document has.
  public struct Entry: Sendable, Decodable {
    /// `ATT-1`, `CLM-39`, `ERR-47`.
    public let id: String
    /// What it is about, in a few words; of a claim what it claims, of an erratum what is wrong.
    public let name: String
    /// What it is; the names are listed in `Reference/README.md`.
    public let kind: String
    /// The documents that have it by their numbers, with how they have it in brackets.
    public let documents: String
  }
}
