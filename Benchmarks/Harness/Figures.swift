import Foundation

/// What was measured, as other programs read it; `Benchmarks/README.md` has the schema.
struct Figures: Codable, Equatable {
  static let currentFormat = 2

  var format = currentFormat
  let machine: MachineFigures
  var rows: [Row] = []
  var growth: [Growth] = []

  /// Writes the file as a whole or not at all.
  func write(to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try encoder.encode(self).write(to: URL(filePath: path), options: .atomic)
  }
}

/// Reads a JSON object that says its format.
func readJSON<Value: Decodable>(
  _ type: Value.Type, from path: String, format: Int
) throws(UsageError) -> Value {
  guard let data = try? Data(contentsOf: URL(filePath: path)) else {
    throw UsageError("\(path) cannot be read")
  }
  guard let head = try? JSONDecoder().decode(Head.self, from: data) else {
    throw UsageError("\(path) is no JSON object with a format")
  }
  guard head.format == format else {
    throw UsageError("\(path) has format \(head.format): this bench reads format \(format)")
  }
  do {
    return try JSONDecoder().decode(type, from: data)
  } catch {
    throw UsageError("\(path) says format \(format) and lacks what belongs to it: \(error)")
  }
}

/// Stops unless a file can be made or replaced there; nothing is touched.
func requireWritable(file path: String) throws(UsageError) {
  let folder = URL(filePath: path).deletingLastPathComponent().path(percentEncoded: false)
  guard !isDirectory(path), FileManager.default.isWritableFile(atPath: folder) else {
    throw UsageError("\(path) cannot be written")
  }
}

/// Stops unless files can be made in a folder that is there or can be made; nothing is touched.
func requireWritable(directory path: String) throws(UsageError) {
  var url = URL(filePath: path).standardizedFileURL
  // Without a slash at the end, which would hide a file.
  while !FileManager.default.fileExists(atPath: url.path) { url.deleteLastPathComponent() }
  let existing = url.path
  guard isDirectory(existing), FileManager.default.isWritableFile(atPath: existing) else {
    throw UsageError("\(path) cannot be written: \(existing) is not a folder that may be changed")
  }
}

private struct Head: Decodable { let format: Int }

private func isDirectory(_ path: String) -> Bool {
  (try? URL(filePath: path).resourceValues(forKeys: [.isDirectoryKey]))?.isDirectory == true
}
