import Foundation
import Notation
import SafeTensors
import TestSupport
import Testing

@testable import Specification

@Suite("Golden cases are read as the manifest has them")
struct GoldenCaseTests {
  @Test("every case of the package has a purpose, ids of the inventory, oracles and results")
  func package() throws {
    let known = Set(Inventory.current.entries.map(\.id))
    for vector in try GoldenCase.all() {
      #expect(!vector.purpose.isEmpty && !vector.expectedNames.isEmpty, "\(vector.id)")
      #expect(vector.oracles.count == 2, "\(vector.id)")
      #expect(!vector.ids.isEmpty && known.isSuperset(of: vector.ids), "\(vector.id)")
    }
  }

  @Test("tensors and attributes are found by name, and what is absent is nil")
  func lookups() throws {
    let vector = try fabricated()
    #expect(vector.inputNames == ["tokens", "x"] && vector.expectedNames == ["choices", "output"])
    #expect(try vector.input("x") == [1, 2] && vector.integers("tokens") == [3])
    #expect(try vector.expected("output") == [0.5, 0] && vector.expectedIntegers("choices") == [7])
    #expect(try vector.input("y") == nil && vector.expected("x") == nil)

    let attributes = vector.attributes
    #expect(attributes.string("form") == "power" && attributes.integer(needed: "heads") == 3)
    #expect(attributes.number("epsilon") == 1e-5 && attributes.number("lowest") == -.infinity)
    #expect(attributes.integer("offset") == nil && attributes.string("kind") == nil)
    #expect(vector.fill == .replaced(by: -.infinity))
    #expect(
      "\(attributes)" == "epsilon 1e-05, fill replaced(-inf), form power, heads 3, lowest -inf")
  }

  @Test("a bound is the gauge in units of u, and the smallest normal number")
  func bounds() throws {
    let vector = try fabricated()
    #expect(try vector.bound("output").storage == [0x1p-51, 0x1p-1022])
    let inFloat = try vector.bound("output", unit: 0x1p-24)
    #expect(inFloat.storage == [0x1p-22 + 0x1p-126, 0x1p-126])
  }

  @Test("what a case must have and has not stops with the case's id")
  func missing() async {
    let attribute = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = try fabricated().attributes.integer(needed: "offset") }
    expectSentence("case one has no offset", from: attribute)
    let type = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = try fabricated().attributes.integer("epsilon") }
    expectSentence("case one has the epsilon 1e-05, which is not an integer", from: type)
    let gauge = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = try fabricated().bound("choices") }
    expectSentence("case one has no gauge of choices", from: gauge)
  }
}

/// The only case of a folder of vectors that is written, read and removed.
private func fabricated() throws -> GoldenCase {
  let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  let manifest = """
    {"files": {"Topic": {"path": "Topic.safetensors"}},
     "cases": [{"topic": "Topic", "id": "one", "function": "f", "purpose": "why", "ids": ["ATT-1"],
      "oracles": ["a", "b"], "inputs": {"x": "one/x", "tokens": "one/tokens"},
      "expected": {"output": "one/output", "choices": "one/choices"},
      "gauges": {"output": "one/output.gauge"},
      "attributes": {"form": "power", "heads": 3, "epsilon": 1e-5, "lowest": "-inf",
       "fill": {"kind": "replaced", "value": "-inf"}}}]}
    """
  try Data(manifest.utf8).write(to: folder.appending(path: "manifest.json"))
  let file = SafeTensorsFile(tensors: [
    "one/x": StoredTensor([1, 2] as Tensor<Float>),
    "one/tokens": StoredTensor([3] as Tensor<Int>),
    "one/output": StoredTensor([0.5, 0] as Tensor<Double>),
    "one/output.gauge": StoredTensor([4, 0] as Tensor<Float>),
    "one/choices": StoredTensor([7] as Tensor<Int>),
  ])
  try file.write(to: folder.appending(path: "Topic.safetensors"))
  return try #require(GoldenCase.read(from: folder).first)
}
