import Foundation
import Pictures
import Testing

#if canImport(FoundationXML)
  import FoundationXML
#endif

@Suite("Pictures are well-formed and follow the page")
struct SVGTests {
  private let picture: SVG = {
    var picture = SVG(width: 100, height: 50, title: "a < b & \"c\"")
    picture.text("<tag> & more", at: (1, 2), .strong, upwards: true)
    picture.line(from: (0, 0), to: (1.23456, -5), .axis)
    picture.polyline([(0, 0), (1, 1)], .broken(7))
    picture.bar(x: 0, y: 0, width: 3, height: 4, series: 1, opacity: 0.25, meaning: "1 > 0")
    for series in 0..<4 * SVG.colours {
      picture.mark(at: (5, 5), series: series, isHollow: series == 2, meaning: "\(series)")
    }
    picture.label("0.5", at: (3, 3), over: 0.7)
    return picture
  }()

  @Test("what stands in texts is no markup")
  func wellFormed() {
    let parser = XMLParser(data: Data(picture.document.utf8))
    #expect(parser.parse(), "\(String(describing: parser.parserError))")
    #expect(picture.document.contains("&lt;tag&gt; &amp; more"))
  }

  @Test("every class that is used has a colour on light and on dark pages")
  func classes() throws {
    let document = picture.document
    let style = try #require(document.firstMatch(of: /<style>(?<rules>[^<]*)<\/style>/)).rules
    let halves = style.split(separator: "@media (prefers-color-scheme: dark)")
    #expect(halves.count == 2)
    let names = document.matches(of: /class="(?<names>[a-z0-9 ]+)"/).flatMap {
      $0.names.split(separator: " ")
    }
    for name in Set(names) where !["line", "broken"].contains(name) {
      for half in halves { #expect(half.contains(".\(name) ") || half.contains(".\(name),")) }
    }
  }

  @Test("colours can be read: at least three times as light as the page, or as dark")
  func contrast() {
    func luminance(_ colour: Substring) -> Double {
      let parts = (0..<3).map { index -> Double in
        let start = colour.index(colour.startIndex, offsetBy: 2 * index)
        let part = Double(Int(colour[start..<colour.index(start, offsetBy: 2)], radix: 16)!) / 255
        return part <= 0.04045 ? part / 12.92 : pow((part + 0.055) / 1.055, 2.4)
      }
      return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
    }
    let halves = picture.document.split(separator: "@media")
    for (half, page) in zip(halves, [1.0, luminance("0d1117")]) {
      let inks = half.matches(
        of: /\.(?:plain|faint|fill[0-9])[a-z ,.]*\{ fill: #(?<ink>[0-9a-f]{6})/)
      #expect(inks.count == SVG.colours + 2)
      for ink in inks {
        let (a, b) = (luminance(ink.ink), page)
        #expect((max(a, b) + 0.05) / (min(a, b) + 0.05) >= 3, "\(ink.ink)")
      }
    }
  }

  @Test("series of one colour differ in shape")
  func shapes() {
    let marks = (0..<4 * SVG.colours).map { series in
      var picture = SVG(width: 10, height: 10, title: "")
      picture.mark(at: (5, 5), series: series, meaning: "")
      return picture.document
    }
    #expect(Set(marks).count == 4 * SVG.colours)
  }
}
