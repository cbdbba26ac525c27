/// Stops the program with a sentence about the caller's data unless `condition` holds.
///
/// `precondition` loses its text in optimised code, and the libraries are always optimised, so the
/// sentence would be lost just where it is needed.
@inlinable @inline(__always)
public func require(
  _ condition: Bool, _ sentence: @autoclosure () -> String,
  file: StaticString = #fileID, line: UInt = #line
) {
  if !condition { fatalError(sentence(), file: file, line: line) }
}
