/// Where a residual sublayer normalises.
public enum NormPlacement: Hashable, Sendable, CaseIterable {
  /// LayerNorm(x + F(x)): Vaswani et al. 2017, document 002, and 000 in words.
  case postNorm
  /// x + F(LayerNorm(x)): Xiong et al. 2020, and 000 in code.
  case preNorm
}
