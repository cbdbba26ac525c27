import Foundation
import Notation
import SafeTensors
import Testing

@Suite("Typed access")
struct TypedAccessTests {
  /// A tensor of every type, named for it, of numbers that all types but BOOL hold.
  private let file = SafeTensorsFile(tensors: [
    "F64": StoredTensor([[0, 1], [2, 3]] as Tensor<Double>),
    "F32": StoredTensor([[0, 1], [2, 3]] as Tensor<Float>),
    "F16": StoredTensor(roundedToF16: [[0, 1], [2, 3]]),
    "BF16": StoredTensor(roundedToBF16: [[0, 1], [2, 3]]),
    "I64": StoredTensor([[0, 1], [2, 3]] as Tensor<Int64>),
    "I32": StoredTensor([[0, 1], [2, 3]] as Tensor<Int32>),
    "I16": StoredTensor([[0, 1], [2, 3]] as Tensor<Int16>),
    "I8": StoredTensor([[0, 1], [2, 3]] as Tensor<Int8>),
    "U64": StoredTensor([[0, 1], [2, 3]] as Tensor<UInt64>),
    "U32": StoredTensor([[0, 1], [2, 3]] as Tensor<UInt32>),
    "U16": StoredTensor([[0, 1], [2, 3]] as Tensor<UInt16>),
    "U8": StoredTensor([[0, 1], [2, 3]] as Tensor<UInt8>),
    "BOOL": StoredTensor([[false, true], [true, false]] as Tensor<Bool>),
  ])

  @Test("a tensor is given as its own type, and as no other")
  func exactType() throws {
    try expectOnly("F64", [[0, 1], [2, 3]] as Tensor<Double>)
    try expectOnly("F32", [[0, 1], [2, 3]] as Tensor<Float>)
    try expectOnly("I64", [[0, 1], [2, 3]] as Tensor<Int64>)
    try expectOnly("I32", [[0, 1], [2, 3]] as Tensor<Int32>)
    try expectOnly("I16", [[0, 1], [2, 3]] as Tensor<Int16>)
    try expectOnly("I8", [[0, 1], [2, 3]] as Tensor<Int8>)
    try expectOnly("U64", [[0, 1], [2, 3]] as Tensor<UInt64>)
    try expectOnly("U32", [[0, 1], [2, 3]] as Tensor<UInt32>)
    try expectOnly("U16", [[0, 1], [2, 3]] as Tensor<UInt16>)
    try expectOnly("U8", [[0, 1], [2, 3]] as Tensor<UInt8>)
    try expectOnly("BOOL", [[false, true], [true, false]] as Tensor<Bool>)
  }

  private func expectOnly<Element: StoredElement & Equatable>(
    _ name: String, _ expected: Tensor<Element>
  ) throws {
    #expect(try file.tensor(name) == expected)
    for other in file.tensors.keys where other != name {
      expect(.wrongDataType, key: other) { _ = try file.tensor(other, as: Element.self) }
    }
  }

  @Test("a widened tensor is given from every type that loses nothing, and from no other")
  func widened() throws {
    for name in file.tensors.keys {
      if ["F32", "F16", "BF16"].contains(name) {
        #expect(try file.floats(name) == [[0, 1], [2, 3]])
      } else {
        expect(.wrongDataType, key: name) { _ = try file.floats(name) }
      }
      if name.contains("F") {
        #expect(try file.doubles(name) == [[0, 1], [2, 3]])
      } else {
        expect(.wrongDataType, key: name) { _ = try file.doubles(name) }
      }
      if name.hasPrefix("I") || name.hasPrefix("U") {
        #expect(try file.integers(name) == [[0, 1], [2, 3]])
      } else {
        expect(.wrongDataType, key: name) { _ = try file.integers(name) }
      }
    }
  }

  @Test("the least and the greatest integers of every type are kept")
  func extremes() throws {
    func expectKept<Element: StoredElement & FixedWidthInteger>(_ type: Element.Type) throws {
      let extremes = Tensor<Element>(shape: [2], storage: [.min, .max])
      let file = SafeTensorsFile(tensors: ["x": StoredTensor(extremes)])
      #expect(try file.tensor("x") == extremes)
      if type != UInt64.self {
        #expect(
          try file.integers("x")
            == Tensor(shape: [2], storage: [Int(Element.min), Int(Element.max)]))
      }
    }
    try expectKept(Int64.self)
    try expectKept(Int32.self)
    try expectKept(Int16.self)
    try expectKept(Int8.self)
    try expectKept(UInt64.self)
    try expectKept(UInt32.self)
    try expectKept(UInt16.self)
    try expectKept(UInt8.self)
    let ints = Tensor(shape: [3], storage: [Int.min, -1, Int.max])
    #expect(try SafeTensorsFile(tensors: ["x": StoredTensor(ints)]).integers("x") == ints)
  }

  @Test("bits are kept: signed zeros, subnormals and NaNs of Float and Double")
  func bits() throws {
    let floats: [UInt32] = [0x8000_0000, 1, 0x7F80_0001, 0xFFC1_2345]
    let doubles: [UInt64] = [1 << 63, 1, 0x7FF0_0000_0000_0001, 0xFFF8_0000_1234_5678]
    let file = SafeTensorsFile(tensors: [
      "F32": StoredTensor(Tensor(shape: [4], storage: floats.map(Float.init(bitPattern:)))),
      "F64": StoredTensor(Tensor(shape: [4], storage: doubles.map(Double.init(bitPattern:)))),
    ])
    #expect(try file.tensor("F32", as: Float.self).storage.map(\.bitPattern) == floats)
    #expect(try file.tensor("F64", as: Double.self).storage.map(\.bitPattern) == doubles)
  }

  @Test("a name that is not there, and an integer above Int, are told by name")
  func told() {
    let integers = Tensor<UInt64>(shape: [2], storage: [1, .max])
    let file = SafeTensorsFile(tensors: ["x": StoredTensor(integers)])
    let missing = expect(.missingTensor, key: "y") { _ = try file.integers("y") }
    #expect(missing?.description == #"missingTensor, "y": none of the 1 tensors has this name"#)
    let tooLarge = expect(.valueOutOfRange, key: "x") { _ = try file.integers("x") }
    #expect(tooLarge?.detail == "1 of 2 integers are above 9223372036854775807")
  }

  @Test("what the system cannot read or write is told by path")
  func system() {
    let folder = FileManager.default.temporaryDirectory
    let missing = folder.appending(path: "\(UUID().uuidString)/missing.safetensors")
    for url in [missing, folder, URL(string: "http://a/b")!] {
      expect(.unreadableFile, key: url.path) { _ = try SafeTensorsFile(contentsOf: url) }
    }
    expect(.unwritableFile, key: missing.path) { try SafeTensorsFile().write(to: missing) }
  }

  @Test("a tensor that no file could hold stops the program with a sentence")
  func preconditions() async throws {
    let bytes = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = StoredTensor(dataType: .f32, shape: [2], bytes: [0, 0, 0, 0]) }
    #expect(sentence(bytes).contains("F32 of shape [2] does not take 4 bytes"))

    let boolean = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = StoredTensor(dataType: .bool, shape: [1], bytes: [2]) }
    #expect(sentence(boolean).contains("every byte of a BOOL must be 0 or 1"))

    let rank = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = StoredTensor(Tensor<Bool>(shape: Array(repeating: 1, count: 33), storage: [true])) }
    #expect(sentence(rank).contains("a stored tensor has at most 32 dimensions: got 33"))

    let name = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let tensor = StoredTensor([true] as Tensor<Bool>)
      _ = SafeTensorsFile(tensors: ["__metadata__": tensor]).serialized()
    }
    #expect(sentence(name).contains("__metadata__ is the key of the metadata"))
  }

  private func sentence(_ result: ExitTest.Result?) -> String {
    String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
  }

  @discardableResult
  private func expect(
    _ fault: SafeTensorsError.Fault, key: String, sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () throws -> Void
  ) -> SafeTensorsError? {
    let error = #expect(
      throws: SafeTensorsError.self, sourceLocation: sourceLocation, performing: body)
    #expect(error?.fault == fault && error?.key == key, sourceLocation: sourceLocation)
    return error
  }
}
