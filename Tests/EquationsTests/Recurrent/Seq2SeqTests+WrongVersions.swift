import Notation
import TestSupport

let wrongTranslations: [WrongVersion<Translating>] = []
