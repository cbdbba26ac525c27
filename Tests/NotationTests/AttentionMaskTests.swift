import Notation
import TestSupport
import Testing

@Suite("A mask's rules join, one of each kind")
struct AttentionMaskTests {
  private typealias Mask = AttentionMask<Float>
  private let keep: Tensor<Bool> = [[true, false]]
  private let bias: Tensor<Float> = [[0, -1.5]]

  @Test("each form of mask brings its own rule and no other")
  func forms() {
    #expect(Mask.none.isEmpty)
    #expect(Mask.causal.causalOffset == 0 && Mask.causal.keep == nil && Mask.causal.bias == nil)
    #expect(Mask.causal(offset: -2).causalOffset == -2)
    let (kept, biased) = (Mask.keep(keep), Mask.adding(bias))
    #expect(kept.keep == keep && kept.causalOffset == nil && kept.bias == nil)
    #expect(biased.bias == bias && biased.causalOffset == nil && biased.keep == nil)
    #expect(!Mask.causal.isEmpty && !kept.isEmpty && !biased.isEmpty)
  }

  @Test("a joined mask has the rules of both, in either order")
  func joined() {
    let (left, right) = (
      .causal(offset: 3) && .keep(keep) && .adding(bias),
      .adding(bias) && (.keep(keep) && .causal(offset: 3)) as Mask
    )
    for mask in [left, right, .none && left, right && .none] {
      #expect(mask.causalOffset == 3 && mask.keep == keep && mask.bias == bias)
    }
  }

  @Test("conversion changes the bias's type and keeps every rule")
  func converted() {
    let mask = (.causal(offset: 1) && .keep(keep) && .adding(bias) as Mask)
      .converted(to: Double.self)
    #expect(mask.causalOffset == 1 && mask.keep == keep && mask.bias == [[0, -1.5]])
    #expect(Mask.none.converted(to: Double.self).isEmpty)
  }

  @Test("two rules of one kind are refused")
  func twoOfAKind() async {
    let sentence = "two masks of one kind cannot be joined: combine their tensors first"
    let causal = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = AttentionMask<Float>.causal && .causal(offset: 1)
    }
    expectSentence(sentence, from: causal)
    let keep = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = AttentionMask<Float>.keep([[true]]) && .keep([[true]])
    }
    expectSentence(sentence, from: keep)
    let bias = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = AttentionMask<Float>.adding([[0]]) && (.causal && .adding([[1]]))
    }
    expectSentence(sentence, from: bias)
  }
}

@Suite("Scores are scaled by what is named")
struct ScoreScaleTests {
  @Test("each scale has its factor, and width 0 leaves the empty sums alone")
  func factors() {
    #expect(ScoreScale.rootKeyWidth.factor(keyWidth: 64) == 0.125)
    #expect(ScoreScale.rootKeyWidth.factor(keyWidth: 2) == 1 / 2.0.squareRoot())
    #expect(ScoreScale.rootKeyWidth.factor(keyWidth: 0) == 1)
    #expect(ScoreScale.rootModelWidth(256).factor(keyWidth: 64) == 0.0625)
    #expect(ScoreScale.rootModelWidth(0).factor(keyWidth: 64) == 1)
    #expect(ScoreScale.factor(0.3).factor(keyWidth: 64) == 0.3)
  }
}
