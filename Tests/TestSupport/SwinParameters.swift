import Notation
import Parameters
import SafeTensors
import Specification

/// Reads the parts of a Swin Transformer from the inputs of a golden case.
///
/// A block's parameters are named as those of `nn.TransformerEncoderLayer`, and `bias_table` stands
/// beside the maps of its attention.
public struct SwinParameters {
  private let file: SafeTensorsFile
  private let attributes: GoldenCase.Attributes

  /// The parameters of a golden case, and its dialects.
  public init(_ vector: GoldenCase) throws {
    file = try vector.parameterFile
    attributes = vector.attributes
  }

  /// The parameters of attention inside windows.
  public func windowAttention() throws -> WindowAttention<Double> {
    try loadParameters(from: file) { windowAttention($0, "") }
  }

  /// The parameters of one block.
  public func block() throws -> SwinBlock<Double> {
    try loadParameters(from: file) {
      block($0, "", shift: attributes.integer(needed: "shift"))
    }
  }

  /// The parameters of patch merging.
  public func merging() throws -> PatchMerging<Double> {
    try loadParameters(from: file) { merging($0, "") }
  }

  /// The parameters of a model, every second block shifted by half a window.
  public func swinTransformer() throws -> SwinTransformer<Double> {
    try loadParameters(from: file) { reader in
      let (head, patch) = (shape("head.weight"), shape("patch.weight"))
      return SwinTransformer(
        patchSize: attributes.integer(needed: "patchSize"),
        patchOrder: attributes.dialect("patchOrder", of: PatchOrder.allCases),
        patch: reader.affineMap("patch", inputs: patch[1], outputs: patch[0]),
        patchNorm: file.tensors["patch_norm.weight"] == nil
          ? nil : norm(reader, "patch_norm", width: patch[0]),
        stages: (0..<attributes.integer(needed: "stages")).map { stage(reader, $0) },
        norm: norm(reader, "norm", width: head[1]),
        head: reader.affineMap("head", inputs: head[1], outputs: head[0]))
    }
  }

  private func stage(_ reader: ParameterReader<Double>, _ k: Int) -> SwinStage<Double> {
    let (prefix, stage) = ("stages.\(k).", reader.scope("stages.\(k)"))
    var blocks: [SwinBlock<Double>] = []
    while file.tensors["\(prefix)blocks.\(blocks.count).self_attn.bias_table"] != nil {
      let name = "blocks.\(blocks.count)"
      var next = block(stage.scope(name), "\(prefix)\(name).", shift: 0)
      if blocks.count % 2 == 1 { next.shift = next.attention.windowSize / 2 }
      blocks.append(next)
    }
    return SwinStage(
      merging: k == 0 ? nil : merging(stage.scope("merging"), "\(prefix)merging."), blocks: blocks)
  }

  private func merging(
    _ reader: ParameterReader<Double>, _ prefix: String
  ) -> PatchMerging<Double> {
    let width = shape("\(prefix)norm.weight")[0]
    return PatchMerging(
      norm: norm(reader, "norm", width: width),
      reduction: reader.affineMap(
        "reduction", inputs: width, outputs: width / 2, hasBias: false))
  }

  private func block(
    _ reader: ParameterReader<Double>, _ prefix: String, shift: Int
  ) -> SwinBlock<Double> {
    let attention = windowAttention(reader, prefix)
    let form = LayerForm(
      dModel: attention.attention.output.outputs, heads: attention.attention.heads,
      dFF: shape("\(prefix)linear1.bias")[0], placement: .preNorm,
      epsilon: attributes.number(needed: "epsilon"),
      activation: attributes.dialect("activation", of: Activation.allCases))
    let layer = reader.encoderLayer(form, naming: .pyTorch)
    return SwinBlock(
      attention: attention, attentionNorm: layer.attentionNorm, feedForward: layer.feedForward,
      feedForwardNorm: layer.feedForwardNorm, shift: shift)
  }

  private func windowAttention(
    _ reader: ParameterReader<Double>, _ prefix: String
  ) -> WindowAttention<Double> {
    let (maps, table) = (reader.scope("self_attn"), shape("\(prefix)self_attn.bias_table"))
    let width = shape("\(prefix)self_attn.out_proj.bias")[0]
    return WindowAttention(
      attention: maps.multiHeadAttention(dModel: width, heads: table[1], naming: .pyTorch),
      biasTable: maps.tensor("bias_table", table),
      windowSize: (Int(Double(table[0]).squareRoot()) + 1) / 2)
  }

  private func norm(
    _ reader: ParameterReader<Double>, _ name: String, width: Int
  ) -> LayerNorm<Double> {
    reader.layerNorm(
      name, width: width, epsilon: attributes.number(needed: "epsilon"), naming: .pyTorch)
  }

  private func shape(_ name: String) -> [Int] { file.tensors[name]!.shape }
}
