/// How much of some translations stands in their references, and what follows from it.
public struct BLEUSteps: Hashable, Sendable {
  /// How many n-grams stand in a reference, for n = 1, 2, …, each as often as a reference has it.
  public var matches: Tensor<Int>
  /// How many n-grams the candidates have, for n = 1, 2, … .
  public var totals: Tensor<Int>
  /// matches / totals; 0 where there are no n-grams.
  public var precisions: Tensor<Double>
  /// How many tokens the candidates have.
  public var candidateLength: Int
  /// How many tokens the references have, for each candidate the one that is nearest in length.
  public var referenceLength: Int
  /// What candidates pay for being shorter than their references, from 0 to 1.
  public var brevityPenalty: Double
  /// The result, from 0 to 1.
  public var score: Double

  /// Creates the record of one evaluation.
  public init(
    matches: Tensor<Int>, totals: Tensor<Int>, precisions: Tensor<Double>, candidateLength: Int,
    referenceLength: Int, brevityPenalty: Double, score: Double
  ) {
    self.matches = matches
    self.totals = totals
    self.precisions = precisions
    self.candidateLength = candidateLength
    self.referenceLength = referenceLength
    self.brevityPenalty = brevityPenalty
    self.score = score
  }
}
