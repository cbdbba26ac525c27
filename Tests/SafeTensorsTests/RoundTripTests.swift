import Foundation
import Notation
import SafeTensors
import Testing

@Suite("Round trip")
struct RoundTripTests {
  @Test("what is written is read back, and written again to the same bytes", arguments: 0..<200)
  func roundTrip(seed: UInt64) throws {
    var stream = RandomStream(seed: seed)
    let file = randomFile(from: &stream)
    let bytes = file.serialized()
    let read = try SafeTensorsFile(bytes: bytes)
    #expect(read == file)
    #expect(read.serialized() == bytes)
  }

  @Test("random files meet every type, names that need escapes, and tensors without elements")
  func coverage() {
    var stream = RandomStream(seed: 0)
    let tensors = (0..<200).flatMap { _ in randomFile(from: &stream).tensors }
    #expect(Set(tensors.map(\.value.dataType)) == Set(DataType.allCases))
    #expect(Set(oddNames).isSubset(of: tensors.map(\.key)))
    #expect(tensors.contains { $0.value.bytes.isEmpty && $0.value.shape.count > 1 })
    #expect(tensors.contains { $0.value.shape.isEmpty })
  }

  @Test("the order in which tensors and metadata are inserted changes nothing", arguments: 0..<20)
  func insertionOrder(seed: UInt64) {
    var stream = RandomStream(seed: seed)
    let file = randomFile(from: &stream)
    for _ in 0..<5 {
      // Another capacity makes a dictionary iterate in another order as well.
      var other = SafeTensorsFile()
      other.tensors.reserveCapacity(Int.random(in: 0...1000, using: &stream))
      for (name, tensor) in file.tensors.shuffled(using: &stream) { other.tensors[name] = tensor }
      for (key, text) in file.metadata.shuffled(using: &stream) { other.metadata[key] = text }
      #expect(other.serialized() == file.serialized())
    }
  }

  @Test("the canonical form is the reference writer's, byte for byte")
  func canonical() throws {
    let bytes = try MalformedFiles.bytes(of: "well-formed/canonical.safetensors")
    let tensors: [String: StoredTensor] = [
      "bool": StoredTensor([true] as Tensor<Bool>),
      "u8": StoredTensor([255] as Tensor<UInt8>),
      "u\u{0308}": StoredTensor([254] as Tensor<UInt8>),
      "v": StoredTensor([253] as Tensor<UInt8>),
      "i8": StoredTensor([-5] as Tensor<Int8>),
      "u16": StoredTensor([0x8000] as Tensor<UInt16>),
      "i16": StoredTensor([-4] as Tensor<Int16>),
      "f16": StoredTensor(roundedToF16: [1]),
      "bf16": StoredTensor(roundedToBF16: [1]),
      "u32": StoredTensor([0x8000_0000] as Tensor<UInt32>),
      "i32": StoredTensor([-3] as Tensor<Int32>),
      "f32": StoredTensor([0.1] as Tensor<Float>),
      "u64": StoredTensor([0x8000_0000_0000_0000] as Tensor<UInt64>),
      "i64": StoredTensor([-2] as Tensor<Int>),
      "f64": StoredTensor([0.1] as Tensor<Double>),
    ]
    let file = SafeTensorsFile(metadata: ["line": "first\nsecond"], tensors: tensors)
    #expect(file.serialized() == bytes)
  }

  @Test("every tensor is aligned to its elements, and the data to eight bytes", arguments: 0..<50)
  func alignment(seed: UInt64) throws {
    var stream = RandomStream(seed: seed)
    let file = randomFile(from: &stream)
    let bytes = file.serialized()
    let dataStart = 8 + Int(bytes[0]) + Int(bytes[1]) << 8 + Int(bytes[2]) << 16
    #expect(dataStart % 8 == 0)
    let header = String(decoding: bytes[8..<dataStart], as: UTF8.self)
    let entries = header.matches(of: /"dtype":"(\w+)","shape":[^"]+"data_offsets":\[(\d+),/)
    #expect(entries.count == file.tensors.count)
    for entry in entries {
      let dataType = try #require(DataType(rawValue: String(entry.1)))
      #expect(try #require(Int(entry.2)) % dataType.byteSize == 0)
    }
  }

  @Test("every truncation of a file is refused, and so is every byte appended to it")
  func truncation() throws {
    let bytes = smallFile.serialized()
    for length in bytes.indices {
      #expect(throws: SafeTensorsError.self, "the first \(length) bytes") {
        try SafeTensorsFile(bytes: Array(bytes[..<length]))
      }
    }
    for byte in UInt8.min...UInt8.max {
      #expect(throws: SafeTensorsError.self, "with \(byte) appended") {
        try SafeTensorsFile(bytes: bytes + [byte])
      }
    }
  }

  @Test("a file with any byte changed is refused, or is read as what it then says")
  func mutation() throws {
    let bytes = smallFile.serialized()
    var (refused, accepted, unfaithful) = (0, 0, [String]())
    for position in bytes.indices {
      for value in UInt8.min...UInt8.max where value != bytes[position] {
        var changed = bytes
        changed[position] = value
        guard let file = try? SafeTensorsFile(bytes: changed) else {
          refused += 1
          continue
        }
        accepted += 1
        if file == smallFile || (try? SafeTensorsFile(bytes: file.serialized())) != file {
          unfaithful.append("byte \(position) changed to \(value)")
        }
      }
    }
    #expect(unfaithful.isEmpty)
    #expect(refused > accepted && accepted > 0)
  }

  @Test("a file written to disk is read back, and replaces the one before")
  func disk() throws {
    let url = FileManager.default.temporaryDirectory
      .appending(path: "\(UUID().uuidString).safetensors")
    defer { try? FileManager.default.removeItem(at: url) }
    try SafeTensorsFile(tensors: ["x": StoredTensor([1, 2, 3] as Tensor<Double>)]).write(to: url)
    try smallFile.write(to: url)
    #expect(try SafeTensorsFile(contentsOf: url) == smallFile)
    #expect([UInt8](try Data(contentsOf: url)) == smallFile.serialized())
  }

  // MARK: - Files

  /// Names that a writer must escape, must not escape, or must not take for its own.
  private let oddNames = [
    "", " ", "\"", "\\", "/", "\0", "\u{1F}", "\u{7F}", "\r\n", "\u{2028}", "\u{FEFF}", "é",
    "e\u{0301}x", "\u{0301}", "😀", "مرحبا", "dtype", "__metadata", "a.b[0]", "\u{10FFFF}",
  ]

  private let smallFile = SafeTensorsFile(
    metadata: ["k": "v\n"],
    tensors: [
      "é": StoredTensor([[1, 2]] as Tensor<Float>),
      "b": StoredTensor([true, false] as Tensor<Bool>),
      "\t": StoredTensor(Tensor<Int16>(shape: [2, 0], storage: [])),
    ])

  private func randomFile(from stream: inout RandomStream) -> SafeTensorsFile {
    var file = SafeTensorsFile()
    for _ in 0..<Int.random(in: 0...8, using: &stream) {
      let name = randomText(from: &stream)
      let dataType = DataType.allCases.randomElement(using: &stream)!
      let rank = Int.random(in: 0...4, using: &stream)
      let shape = (0..<rank).map { _ in Int.random(in: 0...4, using: &stream) }
      let limit: UInt8 = dataType == .bool ? 1 : 255
      let bytes = (0..<shape.reduce(dataType.byteSize, *)).map { _ in
        UInt8.random(in: 0...limit, using: &stream)
      }
      file.tensors[name] = StoredTensor(dataType: dataType, shape: shape, bytes: bytes)
    }
    for _ in 0..<Int.random(in: 0...3, using: &stream) {
      file.metadata[randomText(from: &stream)] = randomText(from: &stream)
    }
    return file
  }

  /// One of the odd names, or a few random characters from anywhere in Unicode.
  private func randomText(from stream: inout RandomStream) -> String {
    if Bool.random(using: &stream) { return oddNames.randomElement(using: &stream)! }
    var text = ""
    for _ in 0..<Int.random(in: 1...4, using: &stream) {
      let value = UInt32.random(in: 0...0x10FFFF, using: &stream)
      text.unicodeScalars.append(
        Unicode.Scalar(value >> Int.random(in: 0...20, using: &stream)) ?? "x")
    }
    return text
  }
}
