"""Writes Sources/Tokenizers/Unicode/CanonicalDecompositions+Table.swift from Python's Unicode data.

Needs nothing but Python. A canonical decomposition, once published, never changes (Unicode's stability
policy), so the table needs to be made again only for characters that are newer than it.
"""
import os, textwrap, unicodedata

words, last = [], None
for number in range(0x110000):
    mapping = unicodedata.decomposition(chr(number))
    if not mapping or mapping.startswith("<"):
        continue
    if last is None or number != last + 1:
        words.append("@%X" % number)
    words.append("+".join("%X" % int(part, 16) for part in mapping.split()))
    last = number

path = os.path.join(os.path.dirname(__file__), "../../Sources/Tokenizers/Unicode/CanonicalDecompositions+Table.swift")
with open(path, "w", encoding="utf-8") as file:
    file.write(f"""extension CanonicalDecompositions {{
  /// Unicode {unicodedata.unidata_version}'s canonical mappings without Hangul, written by Scripts/oracles/make_decompositions.py:
  /// after `@` the character that the next mapping is of, each further one that of the next character.
  static let table: String = \"\"\"
""")
    for line in textwrap.wrap(" ".join(words), 104, break_long_words=False, break_on_hyphens=False):
        file.write("    " + line + "\n")
    file.write('    """\n}\n')
