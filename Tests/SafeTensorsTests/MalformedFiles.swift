import Foundation
import SafeTensors
import Testing

/// The corpus in `Reference/MalformedFiles`: files, and what `expected.json` says about each.
struct MalformedFiles: Decodable {
  let malformed: [Malformed]
  let wellFormed: [WellFormed]

  /// A file that must be refused.
  struct Malformed: Decodable, Sendable, CustomTestStringConvertible {
    let file: String
    let fault: String
    let offset: Int
    let key: String?

    var testDescription: String { file }

    /// How the outcome of reading differs from what is expected, or `nil` if it does not.
    func disagreement(_ read: () throws -> SafeTensorsFile) -> String? {
      do {
        _ = try read()
        return "accepted, though \(fault) at byte \(offset) is expected"
      } catch let error as SafeTensorsError
        where (error.fault.rawValue, error.offset, error.key) == (fault, offset, key)
      {
        return nil
      } catch {
        return "expected \(fault) at byte \(offset), got \(error)"
      }
    }
  }

  /// A file that must be accepted, with what it holds.
  struct WellFormed: Decodable, Sendable, CustomTestStringConvertible {
    let file: String
    let metadata: [String: String]
    let tensors: [String: Contents]

    var testDescription: String { file }

    struct Contents: Decodable {
      let dtype: String
      let shape: [Int]
      let bytes: String
    }
  }

  static let folder = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Reference/MalformedFiles")

  static let all: MalformedFiles = {
    do {
      let listing = try Data(contentsOf: folder.appending(path: "expected.json"))
      return try JSONDecoder().decode(MalformedFiles.self, from: listing)
    } catch {
      fatalError("Reference/MalformedFiles/expected.json cannot be read: \(error)")
    }
  }()

  static func bytes(of file: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: folder.appending(path: file)))
  }
}
