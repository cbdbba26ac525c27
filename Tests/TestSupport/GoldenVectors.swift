import Specification
import Testing

extension GoldenCase: CustomTestStringConvertible {
  /// The name that test reports show.
  public var testDescription: String { id }
}
