import Foundation
import SafeTensors
import Testing

@Suite("Malformed files")
struct MalformedFilesTests {
  @Test(
    "a malformed file is refused for its fault, at its place",
    arguments: MalformedFiles.all.malformed)
  func refused(_ expected: MalformedFiles.Malformed) throws {
    let url = MalformedFiles.folder.appending(path: expected.file)
    let bytes = try MalformedFiles.bytes(of: expected.file)
    #expect(expected.disagreement { try SafeTensorsFile(contentsOf: url) } == nil)
    #expect(expected.disagreement { try SafeTensorsFile(bytes: bytes) } == nil)
  }

  @Test(
    "a well-formed file is read as it is meant, and read again from its canonical form",
    arguments: MalformedFiles.all.wellFormed)
  func accepted(_ expected: MalformedFiles.WellFormed) throws {
    let file = try SafeTensorsFile(
      contentsOf: MalformedFiles.folder.appending(path: expected.file))
    #expect(file.metadata == expected.metadata)
    #expect(Set(file.tensors.keys) == Set(expected.tensors.keys))
    for (name, contents) in expected.tensors {
      let tensor = try #require(file.tensors[name])
      #expect(tensor.dataType.rawValue == contents.dtype)
      #expect(tensor.shape == contents.shape)
      #expect(hexadecimal(tensor.bytes) == contents.bytes)
    }
    #expect(try SafeTensorsFile(bytes: file.serialized()) == file)
  }

  @Test("the folder and expected.json list the same files, at least one for each fault")
  func complete() throws {
    let all = MalformedFiles.all
    let listed = all.malformed.map(\.file) + all.wellFormed.map(\.file)
    let found = try FileManager.default.subpathsOfDirectory(
      atPath: MalformedFiles.folder.path(percentEncoded: false)
    ).filter { $0.hasSuffix(".safetensors") }
    #expect(listed.sorted() == found.sorted())

    let requests: Set<SafeTensorsError.Fault> = [
      .unreadableFile, .unwritableFile, .missingTensor, .wrongDataType, .valueOutOfRange,
    ]
    let faultsOfFiles = Set(SafeTensorsError.Fault.allCases).subtracting(requests)
    #expect(Set(all.malformed.map(\.fault)) == Set(faultsOfFiles.map(\.rawValue)))
  }

  @Test("an expectation fits no file with another fault")
  func distinguishes() throws {
    let all = MalformedFiles.all.malformed
    for (expected, other) in zip(all, all.dropFirst())
    where (expected.fault, expected.offset, expected.key) != (other.fault, other.offset, other.key)
    {
      let bytes = try MalformedFiles.bytes(of: other.file)
      let disagreement = expected.disagreement { try SafeTensorsFile(bytes: bytes) }
      #expect(disagreement != nil, "\(expected.file) against \(other.file)")
    }
    let wellFormed = try MalformedFiles.bytes(of: MalformedFiles.all.wellFormed[0].file)
    let disagreement = all[0].disagreement { try SafeTensorsFile(bytes: wellFormed) }
    #expect(disagreement?.hasPrefix("accepted") == true)
  }

  @Test("the corpus rejects a reader that leaves JSON to Foundation")
  func rejectsReaderBuiltOnFoundation() throws {
    let accepted = try MalformedFiles.all.malformed.filter {
      isAcceptedByReaderBuiltOnFoundation(try MalformedFiles.bytes(of: $0.file))
    }
    #expect(accepted.contains { $0.fault == SafeTensorsError.Fault.duplicateKey.rawValue })
    #expect(accepted.contains { $0.fault == SafeTensorsError.Fault.invalidInteger.rawValue })
    #expect(accepted.contains { $0.fault == SafeTensorsError.Fault.invalidBoolean.rawValue })
    for wellFormed in MalformedFiles.all.wellFormed {
      let bytes = try MalformedFiles.bytes(of: wellFormed.file)
      #expect(isAcceptedByReaderBuiltOnFoundation(bytes), "\(wellFormed.file)")
    }
  }

  /// The reader as it is usually written: the rules of size and layout, JSON by the library.
  private func isAcceptedByReaderBuiltOnFoundation(_ bytes: [UInt8]) -> Bool {
    guard bytes.count >= 8, bytes[4..<8].allSatisfy({ $0 == 0 }) else { return false }
    let length = bytes[..<4].reversed().reduce(0) { $0 << 8 | Int($1) }
    guard length <= bytes.count - 8,
      let object = try? JSONSerialization.jsonObject(with: Data(bytes[8..<8 + length])),
      let header = object as? [String: Any]
    else { return false }
    var ranges: [[Int]] = []
    for (name, value) in header where name != "__metadata__" {
      guard let entry = value as? [String: Any],
        let dataType = (entry["dtype"] as? String).flatMap(DataType.init(rawValue:)),
        let shape = entry["shape"] as? [Int],
        let offsets = entry["data_offsets"] as? [Int], offsets.count == 2,
        offsets[1] - offsets[0] == shape.reduce(dataType.byteSize, &*)
      else { return false }
      ranges.append(offsets)
    }
    ranges.sort { ($0[0], $0[1]) < ($1[0], $1[1]) }
    let ends = [0] + ranges.map { $0[1] }
    return ranges.map { $0[0] } == ends.dropLast() && ends.last == bytes.count - 8 - length
  }

  private func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
