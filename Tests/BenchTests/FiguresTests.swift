import Foundation
import Testing

@testable import bench

@Suite("Figures are written and read as the README says")
struct FiguresTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test("what was written is read again")
  func roundTrip() throws {
    let figures = Figures(machine: .example, rows: [.example(), .example(threads: 2)])
    try figures.write(to: folder.path("a.json"))
    #expect(try readJSON(Figures.self, from: folder.path("a.json"), format: 2) == figures)
  }

  @Test("the keys are those of the schema")
  func schema() throws {
    let figures = Figures(machine: .example, rows: [.example()])
    let object = try #require(
      try JSONSerialization.jsonObject(with: JSONEncoder().encode(figures)) as? [String: Any])
    #expect(object.keys.sorted() == ["format", "growth", "machine", "rows"])
    let machine = try #require(object["machine"] as? [String: Any])
    #expect(machine.keys.sorted() == ["cpu", "memcpyGBs", "peakGFLOPS", "threads"])
    #expect((machine["peakGFLOPS"] as? [String: Double]) == ["1": 100, "2": 200])
    let row = try #require((object["rows"] as? [[String: Any]])?.first)
    #expect(
      row.keys.sorted() == [
        "agrees", "bytes", "extraKiBPerThread", "family", "gainOverOneThread", "kernelSeconds",
        "limit", "maxErrorOverBound", "naiveSeconds", "naiveShape", "operations", "rowsChecked",
        "rowsOf", "shape", "shareOfLimit", "speedup", "threads", "topic",
      ])
    #expect(
      (row["kernelSeconds"] as? [String: Any])?.keys.sorted()
        == ["lowerQuartile", "median", "samples", "upperQuartile"])
    #expect(row["limit"] as? String == "multiply-adds")
  }

  @Test(
    "what is no file of this format is refused with a sentence",
    arguments: [
      ("{}", "is no JSON object with a format"), ("[2", "is no JSON object with a format"),
      (#"{"format": 1, "rows": []}"#, "has format 1: this bench reads format 2"),
      (#"{"format": 2, "rows": []}"#, "says format 2 and lacks what belongs to it"),
    ])
  func otherFiles(text: String, sentence: String) throws {
    let path = folder.path("a.json")
    try Data(text.utf8).write(to: URL(filePath: path))
    let refusal = refusal { try readJSON(Figures.self, from: path, format: 2) }
    #expect(refusal?.hasPrefix("\(path) \(sentence)") == true)
  }

  @Test("a file that is not there is refused with a sentence")
  func noFile() {
    let path = folder.path("absent.json")
    #expect(
      refusal { try readJSON(Figures.self, from: path, format: 2) } == "\(path) cannot be read")
  }

  @Test("what cannot be written is refused before it is measured, and nothing is created")
  func unwritable() throws {
    let root = folder.path("")
    try Data().write(to: URL(filePath: root + "file"))
    try requireWritable(file: root + "new.json")
    try requireWritable(file: root + "file")
    try requireWritable(directory: root + "new/deep")
    try requireWritable(directory: root)
    #expect(try FileManager.default.contentsOfDirectory(atPath: root) == ["file"])
    for path in [root, root + "absent/new.json", root + "file/new.json"] {
      #expect(refusal { try requireWritable(file: path) } == "\(path) cannot be written")
    }
    for path in [root + "file", root + "file/deep"] {
      #expect(
        refusal { try requireWritable(directory: path) }
          == "\(path) cannot be written: \(root)file is not a folder that may be changed")
    }
  }
}

/// A new folder, which is removed with what is in it.
final class TemporaryFolder: Sendable {
  private let url = FileManager.default.temporaryDirectory.appending(
    path: UUID().uuidString, directoryHint: .isDirectory)

  init() throws {
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func path(_ name: String) -> String { url.path(percentEncoded: false) + name }
}

extension MachineFigures {
  static let example = MachineFigures(
    cpu: "a processor", threads: 2, peakGFLOPS: [1: 100, 2: 200], memcpyGBs: [1: 20, 2: 30])
}

extension Row {
  /// A row that has everything that a row can have.
  static func example(
    topic: String = "Topic", threads: Int = 1, shares: [Double] = [0.8, 0.82, 0.84]
  ) -> Row {
    Row(
      family: "Family", topic: topic, shape: "2 × 3", threads: threads,
      naiveSeconds: Spread([0.5]), naiveShape: "1 × 3", kernelSeconds: Spread([0.01]),
      speedup: 100, operations: 8e8, bytes: 1e7, limit: .multiplyAdds,
      shareOfLimit: Spread(shares), gainOverOneThread: 1.9, maxErrorOverBound: 0.1,
      rowsChecked: 1, rowsOf: 2, agrees: true, extraKiBPerThread: 100)
  }
}
