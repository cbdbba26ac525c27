import Testing

/// Expects that a process that was to stop printed the sentence.
public func expectSentence(
  _ sentence: String, from result: ExitTest.Result?,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let printed = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
  #expect(printed.contains(sentence), sourceLocation: sourceLocation)
}
