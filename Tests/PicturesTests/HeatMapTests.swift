import Foundation
import Pictures
import Testing

#if canImport(FoundationXML)
  import FoundationXML
#endif

@Suite("Heat maps show every weight at its place")
struct HeatMapTests {
  private let map = HeatMap(
    title: "Weights", queries: ["我", "see <it>"], keys: ["打", "b", "c"],
    weights: [[0.72, 0.08, 0.2], [1, 0, .nan]])

  @Test("columns stand one under the other, Chinese characters taking two")
  func text() {
    #expect(
      map.text == """
        Weights

        query ↓  key →  打       b        c
        我              ▓▓ 0.72     0.08  ░░ 0.20
        see <it>        ██ 1.00     0.00  ?? nan
        """)
  }

  @Test("the picture has each weight, and the darker cell for the larger one")
  func picture() {
    let document = HeatMap.picture(of: [map, map], title: "two & more").document
    #expect(XMLParser(data: Data(document.utf8)).parse())
    for part in [
      "我 → 打: 0.72", "see &lt;it&gt; → b: 0.0", ">0.08<", ">nan<", "fill-opacity=\"1\"",
      "fill-opacity=\"0.04\"", "fill-opacity=\"0.731\"",
    ] {
      #expect(document.contains(part), "\(part)")
    }
  }
}
