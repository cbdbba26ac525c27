import Notation
import Parameters
import SafeTensors
import Specification

extension GoldenCase {
  /// The inputs that are named as modules name their parameters, as if a file had them.
  var parameterFile: SafeTensorsFile {
    get throws {
      let names = inputNames.filter { $0.contains(".") }
      let tensors = try names.map { ($0, StoredTensor(try input($0)!)) }
      return SafeTensorsFile(tensors: Dictionary(uniqueKeysWithValues: tensors))
    }
  }
}

/// Reads layers and models from the inputs of a golden case, which are named as PyTorch's modules
/// name their parameters.
public struct TransformerParameters {
  private let file: SafeTensorsFile
  private let attributes: GoldenCase.Attributes
  private let form: LayerForm

  /// The parameters of a golden case, and its dialects.
  public init(_ vector: GoldenCase) throws {
    file = try vector.parameterFile
    attributes = vector.attributes
    let inner = file.tensors.first { $0.key.hasSuffix("linear1.weight") }!.value.shape
    form = LayerForm(
      dModel: inner[1], heads: attributes.integer(needed: "heads"), dFF: inner[0],
      placement: attributes.dialect("placement", of: NormPlacement.allCases),
      epsilon: attributes.number(needed: "epsilon"),
      activation: attributes.dialect("activation", of: Activation.allCases))
  }

  /// The parameters of `nn.TransformerEncoderLayer`.
  public func encoderLayer() throws -> EncoderLayer<Double> {
    try loadParameters(from: file) { $0.encoderLayer(form, naming: .pyTorch) }
  }

  /// The parameters of `nn.TransformerDecoderLayer`.
  public func decoderLayer() throws -> DecoderLayer<Double> {
    try loadParameters(from: file) { $0.decoderLayer(form, naming: .pyTorch) }
  }

  /// The parameters of `nn.TransformerEncoder`.
  public func encoder() throws -> (layers: [EncoderLayer<Double>], norm: LayerNorm<Double>?) {
    try loadParameters(from: file) { reader in
      (
        reader.layers(attributes.integer(needed: "layers")) {
          $0.encoderLayer(form, naming: .pyTorch)
        }, norm(reader, "norm")
      )
    }
  }

  /// The parameters of `nn.TransformerDecoder`.
  public func decoder() throws -> (layers: [DecoderLayer<Double>], norm: LayerNorm<Double>?) {
    try loadParameters(from: file) { reader in
      (
        reader.layers(attributes.integer(needed: "layers")) {
          $0.decoderLayer(form, naming: .pyTorch)
        }, norm(reader, "norm")
      )
    }
  }

  /// The parameters of `nn.Transformer` between two embeddings and an output map.
  public func transformer(
    positionTable: Tensor<Double>?, fill: MaskFill
  ) throws -> Transformer<Double> {
    func table(_ reader: ParameterReader<Double>, _ name: String) -> Tensor<Double> {
      reader.tensor(name, file.tensors[name]!.shape)
    }
    return try loadParameters(from: file) { reader in
      Transformer(
        sourceTable: table(reader, "source_embedding.weight"),
        targetTable: table(reader, "target_embedding.weight"),
        positions: positionTable.map { .learned($0) }
          ?? .sinusoidal(attributes.dialect("form", of: SinusoidForm.allCases)),
        embeddingScale: attributes.dialect("embeddingScale", of: EmbeddingScale.allCases),
        stacks: reader.transformerStacks(
          form, encoderLayers: attributes.integer(needed: "layers"),
          decoderLayers: attributes.integer(needed: "decoderLayers"),
          hasFinalNorms: file.tensors["encoder.norm.weight"] != nil),
        output: reader.affineMap(
          "output", inputs: form.dModel, outputs: file.tensors["output.bias"]!.shape[0]),
        sourcePadding: attributes.integer("sourcePadding"),
        targetPadding: attributes.integer("targetPadding"),
        queryPadding: attributes.dialect("queryPadding", of: QueryPadding.allCases), fill: fill)
    }
  }

  /// The parameters of a Vision Transformer whose layers are those of `nn.TransformerEncoder`.
  public func visionTransformer(
    classToken: Tensor<Double>, positions: Tensor<Double>
  ) throws -> VisionTransformer<Double> {
    try loadParameters(from: file) { reader in
      VisionTransformer(
        patchSize: attributes.integer(needed: "patchSize"),
        patchOrder: attributes.dialect("patchOrder", of: PatchOrder.allCases),
        patch: reader.affineMap(
          "patch", inputs: file.tensors["patch.weight"]!.shape[1], outputs: form.dModel),
        classToken: classToken, positions: positions,
        layers: reader.layers(attributes.integer(needed: "layers")) {
          $0.encoderLayer(form, naming: .pyTorch)
        }, norm: norm(reader, "norm")!,
        head: reader.affineMap(
          "head", inputs: form.dModel, outputs: file.tensors["head.bias"]!.shape[0]))
    }
  }

  private func norm(_ reader: ParameterReader<Double>, _ name: String) -> LayerNorm<Double>? {
    guard file.tensors["\(name).weight"] != nil else { return nil }
    return reader.layerNorm(name, width: form.dModel, epsilon: form.epsilon, naming: .pyTorch)
  }
}
