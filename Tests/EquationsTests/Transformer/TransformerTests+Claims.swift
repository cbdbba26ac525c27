import Equations
import Notation
import TestSupport
import Testing

/// The documents' claims that are about one experiment and not about every input.
@Suite("Claims about the Transformer")
struct TransformerClaimTests {
  @Test("each score depends on every token up to its own, and on none behind it")
  func shift() {
    let input = translation()
    let logits = transformerEquation(input).logits
    for j in 0..<input.target.shape[1] {
      var changed = input
      changed.target[0, j] = (input.target[0, j] + 1) % 6
      let others = transformerEquation(changed).logits
      for i in 0..<input.target.shape[1] {
        let isSame = others.slice(0).slice(i) == logits.slice(0).slice(i)
        #expect(isSame == (i < j), "score \(i), token \(j)")
      }
    }
  }

  @Test("padding has to be hidden in all three attentions, and later tokens in one")
  func masks() {
    // Token 3 is padding: behind the words of the source, and between those of the target.
    var input = translation()
    input.source = [[1, 4, 2, 0, 3, 3]]
    input.target = [[2, 5, 3, 0, 4]]
    (input.p.sourcePadding, input.p.targetPadding) = (3, 3)
    let words = [0, 1, 3, 4]
    func change(_ change: (inout TransformerAssembly) -> Void) -> Double {
      var model = TransformerAssembly(input)
      let logits = model.steps.logits.rows(words).storage
      change(&model)
      return zip(logits, model.steps.logits.rows(words).storage).map { abs($0 - $1) }.max()!
    }
    #expect(change { $0.encoderMask = .none } > 1e-3)
    #expect(change { $0.targetMask = .causal } > 1e-3)
    #expect(change { $0.memoryMask = .none } > 1e-3)
    #expect(change { $0.targetMask.keep = paddingMask(tokens: input.target, padding: 3) } > 1e-3)
    #expect(change { $0.encoderMask.causalOffset = 0 } > 1e-3)
    #expect(change { $0.memoryMask.causalOffset = 0 } > 1e-3)
    // Padding behind a target is hidden by causality already.
    input.target = [[2, 5, 0, 4, 3]]
    #expect(
      TransformerAssembly(input).steps.logits.rows([0, 1, 2, 3])
        == {
          var model = TransformerAssembly(input)
          model.targetMask = .causal
          return model.steps.logits.rows([0, 1, 2, 3])
        }())
  }

  @Test("nothing but attention connects positions")
  func attentionAlone() {
    var input = translation()
    for l in input.p.stacks.encoderLayers.indices {
      let map = input.p.stacks.encoderLayers[l].attention.output
      input.p.stacks.encoderLayers[l].attention.output = zeros(like: map)
    }
    for l in input.p.stacks.decoderLayers.indices {
      let map = input.p.stacks.decoderLayers[l].selfAttention.output
      input.p.stacks.decoderLayers[l].selfAttention.output = zeros(like: map)
      input.p.stacks.decoderLayers[l].crossAttention.output = zeros(like: map)
    }
    let steps = transformerEquation(input)
    var changed = input
    changed.source[0, 1] = (input.source[0, 1] + 1) % 5
    changed.target[0, 1] = (input.target[0, 1] + 1) % 6
    let others = transformerEquation(changed)
    for i in 0..<input.target.shape[1] {
      #expect((others.memory.slice(0).slice(i) == steps.memory.slice(0).slice(i)) == (i != 1))
      #expect((others.logits.slice(0).slice(i) == steps.logits.slice(0).slice(i)) == (i != 1))
    }
  }

  /// One pair of sentences without padding, of five tokens each.
  private func translation() -> TransformerCase<Double> {
    var maker = LayerMaker(seed: 21, placement: .postNorm)
    return TransformerCase(
      source: [[1, 4, 2, 0, 3]], target: [[2, 5, 3, 0, 4]],
      p: maker.transformer(encoderLayers: 2, decoderLayers: 2, norms: false))
  }
}
