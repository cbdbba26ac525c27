import Equations
import Notation

/// The largest errors that a Transformer may have, step by step and element by element.
///
/// Its parts one after the other, each of what the one before may be off by. It holds for one token after
/// the other as well, with a cache or without: what a step adds up is what the whole adds up, in some
/// other order. It grows with the width as that of a layer of an encoder does, and with every layer.
///
/// - Parameters:
///   - source: b × s.
///   - target: b × t.
///   - p: The parameters, and what is hidden.
///   - arithmetic: Whose Transformer it is.
/// - Returns: The bound of each step; of no meaning where the step is not finite.
public func transformerBounds(
  source: Tensor<Int>, target: Tensor<Int>, _ p: Transformer<Double>,
  in arithmetic: Arithmetic = .kernel
) -> TransformerSteps<Double> {
  func embedded(_ tokens: Tensor<Int>, _ table: Tensor<Double>) -> Enclosure {
    transformerEmbedding(
      tokens, table: table, positions: p.positions, scale: p.embeddingScale, in: arithmetic)
  }
  let memory = encoder(
    embedded(source, p.sourceTable), layers: p.stacks.encoderLayers, norm: p.stacks.encoderNorm,
    mask: encoderMask(source: source, p), fill: p.fill, in: arithmetic)
  let decoded = decoder(
    embedded(target, p.targetTable), memory: memory, layers: p.stacks.decoderLayers,
    norm: p.stacks.decoderNorm, mask: targetMask(target: target, p),
    memoryMask: memoryMask(target: target, source: source, p), fill: p.fill, in: arithmetic)
  return TransformerSteps(
    memory: memory.errors, decoded: decoded.errors,
    logits: affineMap(decoded, p.output, in: arithmetic).errors)
}
