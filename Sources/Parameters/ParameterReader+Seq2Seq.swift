import Notation

extension ParameterReader {
  /// Document 000's `Seq2Seq`: `encoder.lstm`, and the decoder's `lstm`, `attention` and `fc_out`, the
  /// decoder's LSTM as wide as input and context together (SPEC.md, ERR-08).
  ///
  /// - Parameters:
  ///   - inputs: The width of the source's vectors.
  ///   - width: h, the width of both LSTMs.
  ///   - outputs: v, the width of the target's vectors and of the logits.
  public func document000Seq2Seq(inputs: Int, width h: Int, outputs v: Int) -> Seq2Seq<S> {
    let (encoder, decoder) = (scope("encoder"), scope("decoder"))
    return Seq2Seq(
      encoder: .oneWay(.lstm(encoder.scope("lstm").lstm(inputs: inputs, width: h))),
      attention: .beforeStep(
        .tanhOfLinear(decoder.affineMap("attention", inputs: 2 * h, outputs: 1))),
      decoder: .lstm(decoder.scope("lstm").lstm(inputs: v + h, width: h)),
      output: decoder.affineMap("fc_out", inputs: h, outputs: v))
  }
}
