import Equations
import Notation

extension Function {
  static let vision: [String: Function] = [:]
}
