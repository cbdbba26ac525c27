import Equations
import ErrorBounds
import Kernels
import Notation

extension Function {
  static let attention: [String: Function] = masks.merging(attentions) { mask, _ in mask }
    .merging(scoring) { other, _ in other }.merging(multiHead) { other, _ in other }

  private static let masks: [String: Function] = [
    "causalMask": Function(0, ["queries", "keys", "offset"]) { (a) throws(Fault) in
      .booleans(
        causalMask(
          queries: try a.integer("queries"), keys: try a.integer("keys"),
          offset: try a.has("offset") ? a.integer("offset") : 0))
    },
    "paddingMask": Function(0, ["tokens", "padding"]) { (a) throws(Fault) in
      .booleans(paddingMask(tokens: try a.integers("tokens"), padding: try a.integer("padding")))
    },
    "decoderMask": Function(0, ["tokens", "padding", "queryPadding"]) { (a) throws(Fault) in
      .booleans(
        decoderMask(
          tokens: try a.integers("tokens"), padding: try a.integer("padding"),
          queryPadding: try a.option("queryPadding", QueryPadding.visible)))
    },
    "conjunction": Function(2) { (a) throws(Fault) in
      .booleans(conjunction(try a.booleans(0), try a.booleans(1)))
    },
    "additiveMask": Function(1) { (a) throws(Fault) in
      .numbers(additiveMask(try a.booleans(0)))
    },
    "maskedScores": Function(1, ["mask", "fill", "factor"]) { (a) throws(Fault) in
      .numbers(
        maskedScores(
          try a.numbers(0), mask: try a.mask(), fill: try a.option("fill", MaskFill.excluded),
          factor: try a.has("factor") ? a.number("factor") : 1))
    },
    "causal": Function(1) { (a) throws(Fault) in .mask(.causal(offset: try a.integer(0))) },
    "keep": Function(1) { (a) throws(Fault) in .mask(.keep(try a.booleans(0))) },
    "adding": Function(1) { (a) throws(Fault) in .mask(.adding(try a.numbers(0))) },
    "replaced": Function(1) { (a) throws(Fault) in .option(MaskFill.replaced(by: try a.number(0)))
    },
    "replacedBeforeScaling": Function(1) { (a) throws(Fault) in
      .option(MaskFill.replacedBeforeScaling(by: try a.number(0)))
    },
    "added": Function(1) { (a) throws(Fault) in .option(MaskFill.added(try a.number(0))) },
  ]

  private static let attentions: [String: Function] = [
    "scaledDotProductAttention": Function(
      0, ["queries", "keys", "values", "mask", "fill", "scale", "probability", "seed"],
      equation: { (a) throws(Fault) in
        .steps(
          scaledDotProductAttentionSteps(
            queries: try a.numbers("queries"), keys: try a.numbers("keys"),
            values: try a.numbers("values"), mask: try a.mask(),
            fill: try a.option("fill", MaskFill.excluded),
            scale: try a.option("scale", ScoreScale.rootKeyWidth), dropout: try a.dropout()))
      },
      kernel: { (a) throws(Fault) in
        if a.has("probability") { return nil }
        let (q, k, v) = (
          try a.numbers("queries"), try a.numbers("keys"), try a.numbers("values")
        )
        let (mask, fill, scale) = (
          try a.mask(), try a.option("fill", MaskFill.excluded),
          try a.option("scale", ScoreScale.rootKeyWidth)
        )
        if let bias = mask.bias { _ = try exactFloats(bias) }
        return KernelResult(
          value: scaledDotProductAttention(
            queries: try exactFloats(q), keys: try exactFloats(k), values: try exactFloats(v),
            mask: mask.converted(), fill: fill, scale: scale),
          bound: scaledDotProductAttentionBounds(
            queries: q, keys: k, values: v, mask: mask, fill: fill, scale: scale
          ).output)
      }),
    "selfAttention": Function(1, projected) { (a) throws(Fault) in
      .numbers(
        selfAttention(
          try a.numbers(0), try a.projections(), mask: try a.mask(),
          fill: try a.option("fill", MaskFill.excluded),
          scale: try a.option("scale", ScoreScale.rootKeyWidth)))
    },
    "crossAttention": Function(1, projected.union(["memory"])) { (a) throws(Fault) in
      .numbers(
        crossAttention(
          try a.numbers(0), memory: try a.numbers("memory"), try a.projections(),
          mask: try a.mask(), fill: try a.option("fill", MaskFill.excluded),
          scale: try a.option("scale", ScoreScale.rootKeyWidth)))
    },
    "rootModelWidth": Function(1) { (a) throws(Fault) in
      .option(ScoreScale.rootModelWidth(try a.integer(0)))
    },
    "factor": Function(1) { (a) throws(Fault) in .option(ScoreScale.factor(try a.number(0))) },
  ]

  private static let scoring: [String: Function] = [
    "scores": Function(
      0, ["queries", "keys", "by"],
      equation: { (a) throws(Fault) in
        .numbers(
          scores(
            queries: try a.numbers("queries"), keys: try a.numbers("keys"), by: try a.scoring()))
      },
      kernel: { (a) throws(Fault) in
        let (q, k) = (try a.numbers("queries"), try a.numbers("keys"))
        let function = try a.scoring()
        guard let queries = try? exactFloats(q), let keys = try? exactFloats(k) else { return nil }
        return KernelResult(
          value: scores(queries: queries, keys: keys, by: function.converted()),
          bound: scoresBound(queries: q.finite, keys: k.finite, by: function))
      }),
    "keyValueAttention": Function(
      0, ["queries", "keys", "values", "by"],
      equation: { (a) throws(Fault) in
        .steps(
          keyValueAttention(
            queries: try a.numbers("queries"), keys: try a.numbers("keys"),
            values: try a.numbers("values"), by: try a.scoring()))
      },
      kernel: { (a) throws(Fault) in
        let (q, k, v) = (
          try a.numbers("queries"), try a.numbers("keys"), try a.numbers("values")
        )
        let function = try a.scoring()
        return KernelResult(
          value: keyValueAttention(
            queries: try exactFloats(q), keys: try exactFloats(k), values: try exactFloats(v),
            by: function.converted()
          ).output,
          bound: keyValueAttentionBounds(
            queries: q.finite, keys: k.finite, values: v.finite, by: function
          ).output)
      }),
    "softAttention": Function(
      0, ["queries", "inputs", "by"],
      equation: { (a) throws(Fault) in
        .steps(
          softAttention(
            queries: try a.numbers("queries"), inputs: try a.numbers("inputs"), by: try a.scoring())
        )
      },
      kernel: { (a) throws(Fault) in
        let (q, x, function) = (
          try a.numbers("queries"), try a.numbers("inputs"), try a.scoring()
        )
        return KernelResult(
          value: softAttention(
            queries: try exactFloats(q), inputs: try exactFloats(x), by: function.converted()
          ).output,
          bound: keyValueAttentionBounds(
            queries: q.finite, keys: x.finite, values: x.finite, by: function
          ).output)
      }),
    "hardAttention": Function(
      0, ["queries", "inputs", "by", "choosing"],
      equation: { (a) throws(Fault) in
        .numbers(
          hardAttention(
            queries: try a.numbers("queries"), inputs: try a.numbers("inputs"),
            by: try a.scoring(), choosing: try a.option("choosing", HardChoice.largest)))
      },
      kernel: { (a) throws(Fault) in
        let output = hardAttention(
          queries: try a.floats("queries"), inputs: try a.floats("inputs"),
          by: try a.scoring().converted(), choosing: try a.option("choosing", HardChoice.largest))
        return KernelResult(value: output, bound: Tensor(shape: output.shape, repeating: 0))
      }),
    "hardChoices": Function(2) { (a) throws(Fault) in
      .integers(hardChoices(try a.numbers(0), try a.option(1)))
    },
    "bilinear": Function(1) { (a) throws(Fault) in
      .option(ScoringFunction.bilinear(try a.numbers(0)))
    },
    "additive": Function(0, ["key", "query", "vector"]) { (a) throws(Fault) in
      .option(
        ScoringFunction.additive(
          AdditiveScore(
            key: try a.numbers("key"), query: try a.numbers("query"),
            vector: try a.numbers("vector"))))
    },
    "concat": Function(0, ["weight", "vector"]) { (a) throws(Fault) in
      .option(
        ScoringFunction.concat(weight: try a.numbers("weight"), vector: try a.numbers("vector")))
    },
    "sampled": Function(0, ["seed"]) { (a) throws(Fault) in
      .option(HardChoice.sampled(seed: try a.seed()))
    },
  ]

  /// W^Q, W^K and W^V, outputs × inputs, and what attention takes besides.
  private static let projected: Set<String> = [
    "query", "key", "value", "queryBias", "keyBias", "valueBias", "mask", "fill", "scale",
  ]

  private static let multiHead: [String: Function] = [
    "heads": Function(0, maps.union(["queryBias", "keyBias", "valueBias"])) { (a) throws(Fault) in
      let maps = try a.projections()
      return .option(
        MultiHeadAttention(
          query: maps.query, key: maps.key, value: maps.value,
          output: try a.affineMap(named: "output"), heads: try a.integer("count")))
    },
    "multiHeadAttention": Function(
      1, ["queries", "keys", "values", "mask", "fill", "scale"],
      equation: { (a) throws(Fault) in
        .steps(
          multiHeadAttentionSteps(
            queries: try a.numbers("queries"), keys: try a.numbers("keys"),
            values: try a.numbers("values"), try a.option(0), mask: try a.mask(),
            fill: try a.option("fill", MaskFill.excluded),
            scale: try a.option("scale", ScoreScale.rootKeyWidth)))
      },
      kernel: { (a) throws(Fault) in
        let (x, y, z) = (
          try a.numbers("queries"), try a.numbers("keys"), try a.numbers("values")
        )
        let p = try a.option(0) as MultiHeadAttention<Double>
        let (mask, fill, scale) = (
          try a.mask(), try a.option("fill", MaskFill.excluded),
          try a.option("scale", ScoreScale.rootKeyWidth)
        )
        return KernelResult(
          value: multiHeadAttention(
            queries: try exactFloats(x), keys: try exactFloats(y), values: try exactFloats(z),
            p.converted(), mask: mask.converted(), fill: fill, scale: scale),
          bound: multiHeadAttentionBound(
            queries: x, keys: y, values: z, p, mask: mask, fill: fill, scale: scale))
      }),
    "sharedHeads": Function(0, maps) { (a) throws(Fault) in
      .option(
        SharedHeadAttention(
          query: try a.numbers("query"), key: try a.numbers("key"), value: try a.numbers("value"),
          output: try a.affineMap(named: "output"), heads: try a.integer("count")))
    },
    "sharedHeadAttention": Function(
      1, ["values", "keys", "queries", "mask"],
      equation: { (a) throws(Fault) in
        .steps(
          sharedHeadAttention(
            values: try a.numbers("values"), keys: try a.numbers("keys"),
            queries: try a.numbers("queries"), try a.option(0), mask: try a.mask()))
      },
      kernel: { (a) throws(Fault) in
        let (z, y, x) = (
          try a.numbers("values"), try a.numbers("keys"), try a.numbers("queries")
        )
        let (p, mask) = (try a.option(0) as SharedHeadAttention<Double>, try a.mask())
        return KernelResult(
          value: sharedHeadAttention(
            values: try exactFloats(z), keys: try exactFloats(y), queries: try exactFloats(x),
            p.converted(), mask: mask.converted()),
          bound: sharedHeadAttentionBound(
            values: z.finite, keys: y.finite, queries: x.finite, p, mask: mask))
      }),
    "splitHeads": Function(1, ["heads"]) { (a) throws(Fault) in
      .numbers(splitHeads(try a.numbers(0), heads: try a.integer("heads")))
    },
    "concatenateHeads": Function(1) { (a) throws(Fault) in
      .numbers(concatenateHeads(try a.numbers(0)))
    },
  ]

  /// W^Q, W^K, W^V and W^O, outputs × inputs, and how many heads share them.
  private static let maps: Set<String> = ["query", "key", "value", "output", "outputBias", "count"]
}

extension Value {
  /// Everything that a multi-head attention computes.
  fileprivate static func steps(_ steps: MultiHeadAttentionSteps<Double>) -> Value {
    .record(
      output: steps.output,
      parts: [
        "queryHeads": steps.queryHeads, "keyHeads": steps.keyHeads, "valueHeads": steps.valueHeads,
        "scores": steps.attention.scores, "maskedScores": steps.attention.maskedScores,
        "weights": steps.attention.weights, "heads": steps.attention.output,
        "concatenated": steps.concatenated, "output": steps.output,
      ])
  }
}

extension Arguments {
  /// What scores a key.
  fileprivate func scoring() throws(Fault) -> ScoringFunction<Double> { try option("by") }
}
