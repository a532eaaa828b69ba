import Testing

@testable import Corpus

@Suite struct HTMLTextTests {
  func extract(_ html: String) -> String {
    String(decoding: HTMLText.extract(from: Array(html.utf8)), as: UTF8.self)
  }

  @Test("a page with the markup of the Debian handbook becomes its prose")
  func handbook() throws {
    let html = try Fixture.bytes("docbook.html")
    let text = try Fixture.bytes("docbook.txt")
    #expect(
      String(decoding: HTMLText.extract(from: html), as: UTF8.self) == String(decoding: text, as: UTF8.self))
  }

  @Test("blocks are lines, space within them collapses")
  func blocks() {
    #expect(extract("<p>a\n\t b <b>c</b>d</p><div><div>e</div></div> f<br/>g") == "a b cd\ne\nf\ng\n")
    #expect(extract("<table><tr><td>1</td><td>2</td></tr><tr><th>3</th></tr></table>") == "1\t2\n3\n")
    #expect(extract("plain text") == "plain text\n")
    #expect(extract("<p> </p>").isEmpty)
  }

  @Test("code keeps its lines and spaces")
  func code() {
    #expect(
      extract("<p>x</p><pre class=\"screen\">\n$ <b>ls</b>  -l\n  a &lt; b\n\n</pre>y")
        == "x\n$ ls  -l\n  a < b\ny\n")
  }

  @Test("entities are decoded, unknown ones left")
  func entities() {
    #expect(
      extract("&lt;&amp;&gt; &eacute;&#233;&#xE9; &nbsp;&hellip; &yuml;&ETH;") == "<&> ééé \u{A0}… ÿÐ\n")
    #expect(
      extract("a & b &unknown; &; &#; &#xD800; &#0; &amp")
        == "a & b &unknown; &; &#; \u{FFFD} \u{FFFD} &amp\n")
  }

  @Test("scripts, styles, comments, heads and navigation go")
  func boilerplate() {
    #expect(
      extract(
        "<head><title>t</title></head><script>if (a<b) '</p>'</SCRIPT >a<style>p{}</style><!-- <p>x --> b")
        == "a b\n")
    #expect(extract("<ul class='top docnav'><li><ul><li>x</ul></ul><p>kept</p>") == "kept\n")
    #expect(extract("<div id=banner><div>x</div></div><![CDATA[a<b]]><?php x ?>") == "a<b\n")
    #expect(extract("<div class=\"toc\"/><p>kept") == "kept\n")
  }

  @Test("what is no markup is text")
  func stray() {
    #expect(extract("1 < 2 <3 <") == "1 < 2 <3 <\n")
    #expect(extract("<a title='>' href=\"x>y\">link</a>") == "link\n")
    #expect(extract("<p") == "")
    #expect(extract("<!-- open") == "")
    #expect(extract("<script>open") == "")
  }

  @Test("any bytes end, and valid UTF-8 stays valid")
  func anything() throws {
    let pieces = [
      "<", ">", "p", "pre", "/", "&", "#", ";", "x", "é", " ", "\n", "\"", "=", "script", "!--", "-->", "amp",
    ]
    var random = NumPyRandom(seed: 11)
    for _ in 0..<3000 {
      let html = (0..<30).map { _ in pieces[Int(random.next(through: UInt64(pieces.count - 1)))] }.joined()
      let text = HTMLText.extract(from: Array(html.utf8))
      #expect(String(validating: text, as: UTF8.self) != nil, "\(html)")
    }
  }
}
