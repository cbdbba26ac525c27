import Notation
import Parameters
import SafeTensors
import Testing

@Suite("Parameters are read strictly, by name")
struct ParameterReaderTests {
  @Test("a complete file is read, and every tensor lands in its place", arguments: models)
  func complete(_ model: Model) throws {
    // Element i of tensor n holds n + i / 2¹⁰, so that no two places hold the same number.
    let numbers = try model.read(model.file())
    #expect(Set(numbers).count == numbers.count)
    let counts = model.file().tensors.values.map { $0.shape.reduce(1, *) }
    #expect(numbers.count == counts.reduce(0, +))
  }

  @Test("each tensor that is missing is named with its shape", arguments: models)
  func missing(_ model: Model) throws {
    for (name, tensor) in model.file().tensors {
      var file = model.file()
      file.tensors[name] = nil
      let error = #expect(throws: ParameterError.self) { try model.read(file) }
      #expect(error?.missing.map(\.name) == [name])
      #expect(error?.missing.map(\.shape) == [tensor.shape])
      #expect(error?.extra == [] && error?.misshapen == [] && error?.notNumbers == [])
    }
  }

  @Test("each tensor of another shape is named with both shapes", arguments: models)
  func misshapen(_ model: Model) throws {
    for (name, tensor) in model.file().tensors {
      var file = model.file()
      let wrong = Array(tensor.shape.dropLast()) + [tensor.shape.last! + 1]
      file.tensors[name] = StoredTensor(Tensor<Float>(shape: wrong, repeating: 0))
      let error = #expect(throws: ParameterError.self) { try model.read(file) }
      #expect(error?.misshapen.map(\.name) == [name])
      #expect(error?.misshapen.map(\.found) == [wrong])
      #expect(error?.misshapen.map(\.expected) == [tensor.shape])
      #expect(error?.extra == [] && error?.missing == [] && error?.notNumbers == [])
    }
  }

  @Test("a transposed weight is not taken for the right one")
  func transposed() throws {
    let model = models[0]
    var file = model.file()
    file.tensors["linear1.weight"] = StoredTensor(Tensor<Float>(shape: [4, 6], repeating: 0))
    let error = #expect(throws: ParameterError.self) { try model.read(file) }
    #expect(error?.misshapen.map(\.name) == ["linear1.weight"])
  }

  @Test("all faults of a file are reported at once")
  func allAtOnce() throws {
    let model = models[0]
    var file = model.file()
    file.tensors["norm1.bias"] = nil
    file.tensors["norm2.weight"] = nil
    file.tensors["linear1.weight"] = StoredTensor(Tensor<Float>(shape: [4, 6], repeating: 0))
    file.tensors["linear2.bias"] = StoredTensor([1, 2, 3, 4] as Tensor<Int>)
    file.tensors["head.weight"] = StoredTensor([1] as Tensor<Float>)
    file.tensors["attn.bias_k"] = StoredTensor([1] as Tensor<Float>)
    let error = #expect(throws: ParameterError.self) { try model.read(file) }
    #expect(
      error?.description == """
        missing: norm1.bias (4), norm2.weight (4)
        misshapen: linear1.weight is 4 × 6, not 6 × 4
        not floating-point numbers: linear2.bias is I64
        extra: attn.bias_k, head.weight
        """)
  }

  @Test("every floating-point type is read, wider ones rounded to nearest")
  func types() throws {
    let x: Tensor<Float> = [0.5, -1.25]
    for stored in [
      StoredTensor(x), StoredTensor(x.converted(to: Double.self)), StoredTensor(roundedToF16: x),
      StoredTensor(roundedToBF16: x),
    ] {
      let read = try loadParameters(from: SafeTensorsFile(tensors: ["x": stored])) { reader in
        reader.tensor("x", [2]) as Tensor<Float>
      }
      #expect(read == x)
    }
    let third = Tensor<Double>(shape: [1], repeating: 1 / 3)
    let file = SafeTensorsFile(tensors: ["x": StoredTensor(third)])
    let read = try loadParameters(from: file, as: Float.self) { $0.tensor("x", [1]) }
    #expect(read == third.converted())
  }
}

/// A model with everything that its file holds.
struct Model: Sendable, CustomTestStringConvertible {
  let name: String
  private let numbers: @Sendable (ParameterReader<Double>) -> [Double]

  var testDescription: String { name }

  init(_ name: String, _ numbers: @escaping @Sendable (ParameterReader<Double>) -> [Double]) {
    (self.name, self.numbers) = (name, numbers)
  }

  func read(_ file: SafeTensorsFile) throws(ParameterError) -> [Double] {
    try loadParameters(from: file, numbers)
  }

  /// A file with just what the model asks for.
  func file() -> SafeTensorsFile {
    var file = SafeTensorsFile()
    do { _ = try read(file) } catch {
      for (n, missing) in error.missing.enumerated() {
        let count = missing.shape.reduce(1, *)
        file.tensors[missing.name] = StoredTensor(
          Tensor<Double>(
            shape: missing.shape, storage: (0..<count).map { Double(n) + Double($0) / 1024 }))
      }
    }
    return file
  }
}

private let form = LayerForm(
  dModel: 4, heads: 2, dFF: 6, placement: .preNorm, epsilon: 1e-5)

/// One model for each class and naming.
private let models: [Model] =
  ParameterNaming.allCases.flatMap { naming in
    [
      Model("encoder layer, \(naming)") { $0.encoderLayer(form, naming: naming).numbers },
      Model("decoder layer, \(naming)") { $0.decoderLayer(form, naming: naming).numbers },
      Model("attention, \(naming)") {
        $0.multiHeadAttention(dModel: 4, heads: 2, naming: naming).numbers
      },
      Model("attention with unequal widths and no bias, \(naming)") {
        $0.multiHeadAttention(
          dModel: 4, keyWidth: 3, valueWidth: 5, heads: 2, hasBias: false, naming: naming
        ).numbers
      },
      Model("stacks, \(naming)") {
        $0.transformerStacks(form, encoderLayers: 1, decoderLayers: 2, naming: naming).numbers
      },
    ]
  } + [
    Model("SelfAttention of document 000") { reader in
      let p = reader.sharedHeadAttention(dModel: 6, heads: 2)
      return [p.query, p.key, p.value].flatMap(\.storage) + p.output.numbers
    },
    Model("MaskedSelfAttention of document 000") { reader in
      let p = reader.maskedSelfAttention(dModel: 4)
      return p.query.numbers + p.key.numbers + p.value.numbers
    },
    Model("Transformer of document 002") { reader in
      let p = reader.document002Transformer(
        form, encoderLayers: 2, decoderLayers: 1, sourceVocabulary: 5, targetVocabulary: 7,
        sourcePadding: 0, targetPadding: 1)
      return p.sourceTable.storage + p.targetTable.storage + p.stacks.numbers + p.output.numbers
    },
  ]

extension AffineMap<Double> {
  fileprivate var numbers: [Double] { weight.storage + (bias?.storage ?? []) }
}

extension LayerNorm<Double> {
  fileprivate var numbers: [Double] { gain.storage + (bias?.storage ?? []) }
}

extension MultiHeadAttention<Double> {
  fileprivate var numbers: [Double] {
    query.numbers + key.numbers + value.numbers + output.numbers
  }
}

extension EncoderLayer<Double> {
  fileprivate var numbers: [Double] {
    attention.numbers + attentionNorm.numbers + feedForward.inner.numbers
      + feedForward.outer.numbers + feedForwardNorm.numbers
  }
}

extension DecoderLayer<Double> {
  fileprivate var numbers: [Double] {
    selfAttention.numbers + selfAttentionNorm.numbers + crossAttention.numbers
      + crossAttentionNorm.numbers + feedForward.inner.numbers + feedForward.outer.numbers
      + feedForwardNorm.numbers
  }
}

extension TransformerStacks<Double> {
  fileprivate var numbers: [Double] {
    encoderLayers.flatMap(\.numbers) + decoderLayers.flatMap(\.numbers)
      + (encoderNorm?.numbers ?? []) + (decoderNorm?.numbers ?? [])
  }
}
