"""Writes the malformed files, the well-formed ones, `expected.json` and the tables of `README.md`.

    python3 make_malformed_files.py            needs only the standard library
    python3 make_malformed_files.py --measure  also asks Python's `safetensors` 0.8.0, if installed

In a header, `¦` marks the byte at which the fault is to be reported; it is not written. A lone
surrogate from U+DC80 to U+DCFF stands for the byte 0x80 to 0xFF that UTF-8 does not allow.
"""

import json
import pathlib
import struct
import sys

HERE = pathlib.Path(__file__).resolve().parent
MARK = "¦".encode()

F32 = '{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'  # what most faults are planted in
ONE = struct.pack("<f", 1)


def framed(header, data=ONE, length=None):
    """The file of a header, and the place of the mark in it."""
    raw = header.encode("utf-8", "surrogateescape")
    mark = raw.find(MARK)
    raw = raw.replace(MARK, b"")
    length = len(raw) if length is None else length
    return struct.pack("<Q", length) + raw + data, None if mark < 0 else 8 + mark


malformed = {}
well_formed = {}


def fault(kind, name, reason, header, data=ONE, *, key=None, length=None, lax=False):
    """Plants a fault in a header; `lax` says that Python's `safetensors` accepts the file."""
    content, offset = framed(header, data, length)
    planted(kind, name, reason, content, offset, key, lax)


def planted(kind, name, reason, content, offset, key=None, lax=False):
    assert name not in malformed
    malformed[name] = (content, dict(
        file=f"{name}.safetensors", fault=kind, offset=offset, key=key,
        acceptedByPython=lax, reason=reason))


def accepted(name, reason, header, data, tensors, metadata=None):
    """A file that must be accepted; `tensors` gives name: (dtype, shape, bytes)."""
    assert name not in well_formed
    contents = {
        n: dict(dtype=dtype, shape=shape, bytes=raw.hex()) for n, (dtype, shape, raw) in
        tensors.items()}
    well_formed[name] = (framed(header, data)[0], dict(
        file=f"well-formed/{name}.safetensors", metadata=metadata or {}, tensors=contents,
        reason=reason))


def fault_in_data(kind, name, reason, header, data, index, *, key=None, lax=False):
    """Plants a fault at an index of the data."""
    content, _ = framed(header, data)
    planted(kind, name, reason, content, len(content) - len(data) + index, key, lax)


def tensor(dtype='"F32"', shape="[1]", offsets="[0,4]", name="a"):
    return f'{{"{name}":{{"dtype":{dtype},"shape":{shape},"data_offsets":{offsets}}}}}'


# The frame: eight bytes of length, a header, data.

planted("fileTooShort", "empty-file", "There is not even a length.", b"", 0)
planted("fileTooShort", "length-of-seven-bytes", "The length takes eight bytes.", bytes(7), 7)
for name, length, reason in [
    ("header-above-limit", 100_000_001, "One byte above the largest header."),
    ("header-length-with-highest-bit", 1 << 63, "Negative for a reader of signed integers."),
    ("header-length-all-ones", (1 << 64) - 1, "Adding 8 to it overflows."),
    ("header-length-big-endian", int.from_bytes(struct.pack(">Q", len(tensor())), "little"),
     "The length is little-endian."),
]:
    planted("headerTooLong", name, reason, framed(tensor(), length=length)[0], 0)
for name, content, reason in [
    ("header-missing", struct.pack("<Q", 2), "A length and nothing else."),
    ("header-one-byte-beyond-file", framed(tensor(), b"", len(tensor()) + 1)[0],
     "The header's last byte is not there."),
    ("header-at-limit-beyond-file", framed(tensor(), length=100_000_000)[0],
     "Allowed by the limit, so a reader must not allocate it before it looks at the file."),
]:
    planted("headerBeyondFile", name, reason, content, 0)

# JSON.

fault("headerNotAnObject", "header-empty", "A header of no bytes holds no object.", "¦", b"")
fault("headerNotAnObject", "header-after-space", "The format wants '{' first.", "¦ " + tensor(),
      lax=True)
fault("headerNotAnObject", "header-after-newline", "The format wants '{' first.", "¦\n" + tensor(),
      lax=True)
fault("headerNotAnObject", "header-after-byte-order-mark", "The format wants '{' first.",
      "¦\ufeff" + tensor())
fault("headerNotAnObject", "header-is-array", "An array of entries is not an object.",
      "¦[" + F32 + "]")
fault("headerNotAnObject", "header-is-null", "Null is not an object.", "¦null", b"")

fault("invalidUTF8", "name-with-stray-continuation-byte", "UTF-8 starts no character with 0x80.",
      tensor(name="a¦\udc80"))
fault("invalidUTF8", "name-with-overlong-encoding", "0xC0 0xAF is an overlong '/'.",
      tensor(name="a¦\udcc0\udcaf"))
fault("invalidUTF8", "name-with-encoded-surrogate", "0xED 0xA0 0x80 encodes a surrogate.",
      tensor(name="a¦\udced\udca0\udc80"))
fault("invalidUTF8", "name-with-character-cut-short", "0xE2 0x82 lacks its third byte.",
      tensor(name="a¦\udce2\udc82"))

fault("invalidSyntax", "header-cut-short", "The object is never closed.", tensor()[:-1] + "¦")
fault("invalidSyntax", "name-without-closing-quote", "The string is never closed.", '{"a¦', b"")
fault("invalidSyntax", "name-without-quotes", "A key is a string.",
      "{¦a" + tensor()[4:])
fault("invalidSyntax", "name-in-single-quotes", "JSON has only double quotes.",
      "{¦'a'" + tensor()[4:])
fault("invalidSyntax", "comma-after-last-entry", "JSON has no trailing commas.",
      tensor()[:-1] + ",¦}")
fault("invalidSyntax", "comma-after-last-extent", "JSON has no trailing commas.",
      tensor(shape="[1,¦]"))
fault("invalidSyntax", "comma-missing-between-fields", "Members are separated by commas.",
      tensor().replace(',"shape"', '¦"shape"'))
fault("invalidSyntax", "colon-missing", "Key and value are separated by a colon.",
      '{"a"¦' + F32 + "}")
fault("invalidSyntax", "comment", "JSON has no comments.", "{¦/**/" + tensor()[1:])
fault("invalidSyntax", "plus-sign", "JSON's numbers have no plus sign.", tensor(shape="[¦+1]"))

fault("trailingCharacters", "second-object-after-header", "A header is one object.",
      tensor() + "¦{}")
fault("trailingCharacters", "newline-after-header", "Only spaces are padding.", tensor() + " ¦\n",
      lax=True)
fault("trailingCharacters", "null-bytes-after-header", "Only spaces are padding.",
      tensor() + "¦\0\0\0")

fault("controlCharacter", "name-with-newline", "A control character must be escaped.",
      tensor(name="a¦\n"))
fault("controlCharacter", "name-with-null", "A control character must be escaped.",
      tensor(name="a¦\0"))
fault("invalidEscape", "escape-unknown", "JSON has no \\x.", tensor(name="¦\\x61"))
fault("invalidEscape", "escape-of-three-digits", "\\u takes four hexadecimal digits.",
      tensor(name="¦\\u061"))
fault("invalidEscape", "escape-with-sign", "Some parsers of integers take a sign as a digit.",
      tensor(name="¦\\u+061"))
fault("loneSurrogate", "surrogate-high-alone", "Half of a pair is no character.",
      tensor(name="¦\\ud83d"))
fault("loneSurrogate", "surrogate-low-alone", "Half of a pair is no character.",
      tensor(name="¦\\ude00"))
fault("loneSurrogate", "surrogates-swapped", "The high one comes first.",
      tensor(name="¦\\ude00\\ud83d"))
fault("loneSurrogate", "surrogate-high-before-letter", "A high surrogate wants a low one next.",
      tensor(name="¦\\ud83d\\u0061"))

# Keys.

fault("duplicateKey", "duplicate-tensor-name", "Which of the two is meant?",
      tensor()[:-1] + ',¦"a":' + F32 + "}", key="a", lax=True)
fault("duplicateKey", "duplicate-tensor-name-by-escape", "\\u0061 is a.",
      tensor()[:-1] + ',¦"\\u0061":' + F32 + "}", key="a", lax=True)
fault("duplicateKey", "duplicate-tensor-name-by-normalization",
      "Composed and decomposed, e with an acute accent is one text to Unicode, and to Swift.",
      '{"\u00e9":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},¦"e\u0301":' + F32 + "}",
      key="\u00e9", lax=True)
fault("duplicateKey", "duplicate-metadata", "Which of the two is meant?",
      '{"__metadata__":{"k":"v"},¦"__metadata__":{},' + tensor()[1:], key="__metadata__")
fault("duplicateKey", "duplicate-metadata-key", "Which of the two is meant?",
      '{"__metadata__":{"k":"v",¦"k":"w"},' + tensor()[1:], key="k", lax=True)
fault("duplicateKey", "duplicate-metadata-key-by-escape", "\\u006b is k.",
      '{"__metadata__":{"k":"v",¦"\\u006b":"w"},' + tensor()[1:], key="k", lax=True)
fault("duplicateKey", "duplicate-field", "Even the same type twice is refused.",
      tensor().replace("}}", ',¦"dtype":"F32"}}'), key="dtype")
fault("duplicateKey", "duplicate-field-by-escape", "d\\u0074ype is dtype.",
      tensor().replace("}}", ',¦"d\\u0074ype":"F32"}}'), key="dtype")
fault("unknownField", "field-unknown", "A tensor has three fields.",
      tensor().replace("}}", ',¦"strides":[1]}}'), key="strides", lax=True)
fault("unknownField", "field-in-upper-case", "Fields are in lower case.",
      tensor().replace('"dtype"', '¦"DTYPE"'), key="DTYPE")
for field in ["dtype", "shape", "data_offsets"]:
    fields = {"dtype": '"F32"', "shape": "[1]", "data_offsets": "[0,4]"}
    del fields[field]
    body = ",".join(f'"{k}":{v}' for k, v in fields.items())
    fault("missingField", f"field-{field.replace('_', '-')}-missing", "A tensor has three fields.",
          f'{{"a":¦{{{body}}}}}', key=field)

# The kinds of values.

fault("wrongType", "entry-is-array", "Some parsers take an array for the fields in order.",
      '{"a":¦["F32",[1],[0,4]]}', lax=True)
fault("wrongType", "entry-is-null", "Null is no tensor.", '{"a":¦null}', b"")
fault("wrongType", "entry-is-number", "A number is no tensor.", '{"a":¦0}', b"")
fault("wrongType", "entry-nested-deeply", "A parser that recurses may run out of stack.",
      '{"a":' + "¦[" + "[" * 4095 + "]" * 4096 + "}", b"")
fault("wrongType", "metadata-is-null", "No metadata is written as no key.",
      '{"__metadata__":¦null,' + tensor()[1:], lax=True)
fault("wrongType", "metadata-is-array", "Metadata is an object.",
      '{"__metadata__":¦[],' + tensor()[1:])
fault("wrongType", "metadata-value-is-number", "Metadata is text.",
      '{"__metadata__":{"k":¦1},' + tensor()[1:])
fault("wrongType", "metadata-value-is-object", "Metadata is text.",
      '{"__metadata__":{"k":¦{}},' + tensor()[1:])
fault("wrongType", "dtype-is-number", "A type has a name.",
      tensor("¦32"))
fault("wrongType", "shape-is-number", "A vector's shape is an array as well.", tensor(shape="¦1"))
fault("wrongType", "extent-is-string", "Extents are numbers.", tensor(shape='[¦"1"]'))
fault("wrongType", "extent-is-null", "Extents are known.", tensor(shape="[¦null]"))
fault("wrongType", "offsets-are-object", "Offsets are an array.",
      tensor(offsets='¦{"begin":0,"end":4}'))

fault("unknownDataType", "dtype-unknown", "There is no type of 33 bits.", tensor('¦"F33"'), key="a")
fault("unknownDataType", "dtype-in-lower-case", "Types are in upper case.", tensor('¦"f32"'), key="a")
fault("unknownDataType", "dtype-of-eight-bit-float",
      "The reference knows it; this specification has no use for it.",
      tensor('¦"F8_E4M3"', "[4]"), key="a", lax=True)

fault("invalidInteger", "extent-negative", "Extents count.", tensor(shape="[¦-1]"))
fault("invalidInteger", "extent-negative-zero", "Even −0 has a sign.",
      tensor(shape="[¦-0]", offsets="[0,0]"), b"")
fault("invalidInteger", "extent-with-fraction", "1.0 is not an integer in JSON's grammar.",
      tensor(shape="[¦1.0]"))
fault("invalidInteger", "extent-with-exponent", "1e0 is not an integer in JSON's grammar.",
      tensor(shape="[¦1e0]"))
fault("invalidInteger", "extent-with-leading-zero", "Octal, or decimal?", tensor(shape="[¦01]"))
fault("invalidInteger", "offset-with-fraction", "Bytes are not divided.",
      tensor(offsets="[0,¦4.0]"))
fault("invalidInteger", "offset-with-exponent", "An upper case E makes it no integer either.",
      tensor(offsets="[0,¦4E0]"))
fault("invalidInteger", "offset-negative", "Nothing is before the data.",
      tensor(offsets="[¦-4,0]"))
fault("integerTooLarge", "extent-of-2-to-the-64", "It wraps to 0 in 64 bits.",
      tensor(shape=f"[¦{1 << 64}]", offsets="[0,0]"), b"")
fault("integerTooLarge", "extent-of-10-times-2-to-the-64",
      "Its last digit overflows no more, once the others have wrapped to 0.",
      tensor(shape=f"[¦{10 << 64}]", offsets="[0,0]"), b"")
fault("integerTooLarge", "offset-of-2-to-the-64-and-4", "It wraps to 4 in 64 bits.",
      tensor(offsets=f"[0,¦{(1 << 64) + 4}]"))
fault("integerTooLarge", "extent-above-signed-range",
      "2⁶³ with another extent of 0: no byte of data, but no signed index either.",
      tensor(shape=f"[¦{1 << 63},0]", offsets="[0,0]"), b"", lax=True)

# Shapes and offsets.

fault("rankTooHigh", "rank-of-33", "At most 32 dimensions.",
      tensor(shape="[" + "1," * 32 + "¦1]"), lax=True)
fault("sizeOverflow", "extents-overflow", "2³² · 2³² wraps to 0 elements.",
      tensor(shape=f"¦[{1 << 32},{1 << 32}]", offsets="[0,0]"), b"", key="a")
fault("sizeOverflow", "bytes-overflow", "2⁶² elements of 4 bytes wrap to 0 bytes.",
      tensor(shape=f"¦[{1 << 62}]", offsets="[0,0]"), b"", key="a")
fault("sizeOverflow", "extents-overflow-behind-zero",
      "Empty, but its strides overflow, and so does the product in another order.",
      tensor(shape=f"¦[0,{1 << 32},{1 << 32}]", offsets="[0,0]"), b"", key="a", lax=True)
fault("offsetsNotAPair", "offset-alone", "A tensor begins and ends.", tensor(offsets="¦[0]"),
      key="a")
fault("offsetsNotAPair", "offsets-of-three", "A tensor begins and ends.",
      tensor(offsets="[0,4,¦4]"))
fault("offsetsReversed", "offsets-reversed", "It would have −4 bytes.", tensor(offsets="¦[4,0]"),
      key="a")
fault("sizeMismatch", "bytes-too-few-for-shape", "Two elements of 4 bytes in 4 bytes.",
      tensor(shape="[2]", offsets="¦[0,4]"), key="a")
fault("sizeMismatch", "bytes-too-many-for-shape", "One element of 4 bytes in 8 bytes.",
      tensor(offsets="¦[0,8]"), ONE * 2, key="a")
fault("sizeMismatch", "single-element-without-bytes", "The shape [] has one element.",
      tensor(shape="[]", offsets="¦[0,0]"), b"", key="a")


def pair(first, second, shapes=("[1]", "[1]")):
    return ('{"a":{"dtype":"F32","shape":' + shapes[0] + ',"data_offsets":' + first + '},'
            '"b":{"dtype":"F32","shape":' + shapes[1] + ',"data_offsets":' + second + "}}")


fault("hole", "hole-before-first-tensor", "Bytes 0 to 3 belong to no tensor.",
      tensor(offsets="¦[4,8]"), ONE * 2, key="a")
fault("hole", "hole-between-tensors", "Bytes 4 to 7 belong to no tensor.",
      pair("[0,4]", "¦[8,12]"), ONE * 3, key="b")
fault("hole", "hole-before-empty-tensor", "Even a tensor of no bytes begins where another ends.",
      pair("[0,4]", "¦[8,8]", ("[1]", "[0]")), ONE * 2, key="b")
fault("overlap", "overlap-in-part", "Bytes 4 to 7 belong to two tensors.",
      pair("[0,8]", "¦[4,12]", ("[2]", "[2]")), ONE * 3, key="b")
fault("overlap", "overlap-by-one-byte", "Byte 3 belongs to two tensors.",
      pair("[0,4]", "¦[3,7]"), ONE + ONE[1:], key="b")
fault("overlap", "overlap-whole", "Two names for the same bytes.", pair("[0,4]", "¦[0,4]"),
      key="b")
fault("overlap", "overlap-by-empty-tensor", "It begins inside of another.",
      pair("[0,4]", "¦[2,2]", ("[1]", "[0]")), key="b")
fault("offsetsBeyondFile", "data-cut-short", "The last byte is not there.",
      tensor(offsets="¦[0,4]"), ONE[:3], key="a")
fault("offsetsBeyondFile", "data-of-2-to-the-60-bytes",
      "A reader must not allocate it before it looks at the file.",
      tensor(shape=f"[{1 << 58}]", offsets=f"¦[0,{1 << 60}]"), key="a")
fault_in_data("uncoveredData", "byte-after-data", "No tensor holds it.", tensor(), ONE + b"\0", 4)
fault_in_data("uncoveredData", "data-without-tensors", "No tensor holds it.", "{}", ONE, 0)
fault_in_data("invalidBoolean", "boolean-of-2", "A truth value is 0 or 1.",
              tensor('"BOOL"', "[4]"), bytes([0, 1, 2, 1]), 2, key="a", lax=True)
fault_in_data("invalidBoolean", "boolean-of-255", "Not all bits set either.",
              tensor('"BOOL"', "[4]"), bytes([0, 1, 0, 255]), 3, key="a", lax=True)

# Corners that are well-formed.

accepted("no-tensors", "The smallest file.", "{}", b"", {})
accepted("no-tensors-padded", "What a writer with aligned headers makes of it.", "{}      ", b"", {})
accepted("metadata-empty", "An object without members.", '{"__metadata__":{}}', b"", {})
accepted("metadata-after-tensors", "The order of keys means nothing.",
         tensor()[:-1] + ',"__metadata__":{"k":"v"}}', ONE, {"a": ("F32", [1], ONE)}, {"k": "v"})
accepted("single-element", "The shape [] has one element.", tensor(shape="[]"), ONE,
         {"a": ("F32", [], ONE)})
accepted("zero-size-tensors", "They take no bytes, and may begin where another tensor does.",
         pair("[0,4]", "[0,0]", ("[1]", "[2,0,3]"))[:-1]
         + ',"c":{"dtype":"U8","shape":[0],"data_offsets":[4,4]}}', ONE,
         {"a": ("F32", [1], ONE), "b": ("F32", [2, 0, 3], b""), "c": ("U8", [0], b"")})
accepted("trailing-padding", "Any number of spaces is padding.", tensor() + " " * 13, ONE,
         {"a": ("F32", [1], ONE)})
accepted("unaligned-data", "A float at an odd byte of the file.",
         '{"flag":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]},'
         '"a":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}}' + " ", b"\1" + ONE,
         {"flag": ("BOOL", [1], b"\1"), "a": ("F32", [1], ONE)})
accepted("data-in-another-order", "The header's order is not the data's.",
         pair("[4,8]", "[0,4]"), struct.pack("<2f", 2, 1),
         {"a": ("F32", [1], struct.pack("<f", 1)), "b": ("F32", [1], struct.pack("<f", 2))})
accepted("white-space-inside", "JSON allows it between tokens.",
         '{\n\t"a" : { "dtype" : "F32" , "shape" : [ 1 ] ,\r\n "data_offsets" : [ 0 , 4 ] } }',
         ONE, {"a": ("F32", [1], ONE)})
accepted("names-escaped", "Every escape of JSON, among them a surrogate pair.",
         tensor(name='\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\u00E9\\ud83d\\uDE00'), ONE,
         {'"\\/\b\f\n\r\t\0\u00e9\U0001f600': ("F32", [1], ONE)})
accepted("names-unescaped", "Everything from U+0020 on may stand as it is, U+007F and U+FEFF too.",
         '{"":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},'
         '"\x7f\ufeff/\u0639\U0001f600":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}', b"\1\2",
         {"": ("U8", [1], b"\1"), "\x7f\ufeff/\u0639\U0001f600": ("U8", [1], b"\2")})
accepted("rank-of-32", "The largest rank.", tensor(shape="[" + ",".join("1" * 32) + "]"), ONE,
         {"a": ("F32", [1] * 32, ONE)})
accepted("extent-of-2-to-the-60", "Empty, and its strides fit.",
         tensor('"U8"', f"[{1 << 60},0]", "[0,0]"), b"", {"a": ("U8", [1 << 60, 0], b"")})

# Every type, in the canonical form: a writer that gets these tensors must give these bytes. A u with
# a diaeresis, decomposed, comes before v by its bytes, but not in an order that composes it first.
canonical = [
    ("u64", "U64", struct.pack("<Q", 1 << 63)), ("i64", "I64", struct.pack("<q", -2)),
    ("f64", "F64", struct.pack("<d", 0.1)), ("f32", "F32", struct.pack("<f", 0.1)),
    ("u32", "U32", struct.pack("<I", 1 << 31)), ("i32", "I32", struct.pack("<i", -3)),
    ("bf16", "BF16", b"\x80\x3f"), ("f16", "F16", struct.pack("<e", 1)),
    ("u16", "U16", struct.pack("<H", 1 << 15)), ("i16", "I16", struct.pack("<h", -4)),
    ("i8", "I8", struct.pack("<b", -5)), ("u8", "U8", b"\xff"),
    ("u\u0308", "U8", b"\xfe"), ("v", "U8", b"\xfd"), ("bool", "BOOL", b"\1"),
]
entries, data = ['"__metadata__":{"line":"first\\nsecond"}'], b""
for name, dtype, raw in canonical:
    end = len(data) + len(raw)
    entries.append(f'"{name}":{{"dtype":"{dtype}","shape":[1],"data_offsets":[{len(data)},{end}]}}')
    data += raw
header = "{" + ",".join(entries) + "}"
accepted("canonical", "Every type, and one type with three names, as the canonical writer writes them.",
         header + " " * (-len(header.encode()) % 8), data,
         {name: (dtype, [1], raw) for name, dtype, raw in canonical}, {"line": "first\nsecond"})


def write():
    """Writes everything below this folder, without what an earlier version left there."""
    contents = {}
    for content, entry in [*malformed.values(), *well_formed.values()]:
        contents[HERE / entry["file"]] = content
    (HERE / "well-formed").mkdir(exist_ok=True)
    for old in HERE.rglob("*.safetensors"):
        if old not in contents:
            old.unlink()
    for path, content in contents.items():
        path.write_bytes(content)
    lists = [
        f'"{title}": [\n' + ",\n".join(json.dumps(entry) for _, entry in files.values()) + "\n]"
        for title, files in [("malformed", malformed), ("wellFormed", well_formed)]]
    text = "{\n" + ",\n".join(lists) + "\n}\n"
    (HERE / "expected.json").write_text(text, encoding="ascii")

    rows = ["| file | fault | why | Python |", "|---|---|---|---|"]
    for name, (_, entry) in malformed.items():
        verdict = "accepts" if entry["acceptedByPython"] else "rejects"
        rows.append(f"| `{name}` | {entry['fault']} | {entry['reason']} | {verdict} |")
    rows += ["", "| file in `well-formed/` | why |", "|---|---|"]
    rows += [f"| `{name}` | {entry['reason']} |" for name, (_, entry) in well_formed.items()]
    readme = HERE / "README.md"
    above = readme.read_text(encoding="utf-8").split("## The files\n")[0]
    readme.write_text(above + "## The files\n\n" + "\n".join(rows) + "\n", encoding="utf-8")


def measure():
    """Compares what is said about Python's `safetensors` with what it does."""
    import safetensors

    def verdict(path):
        # A file that is mapped and one that is in memory take different ways through the library.
        try:
            with safetensors.safe_open(path, "numpy") as file:
                file.metadata()
                list(file.keys())
            mapped = True
        except Exception:
            mapped = False
        try:
            safetensors.deserialize(path.read_bytes())
            return mapped, True
        except Exception:
            return mapped, False

    print("safetensors", safetensors.__version__)
    differ = 0
    for _, entry in malformed.values():
        said, found = entry["acceptedByPython"], verdict(HERE / entry["file"])
        if found != (said, said):
            differ += 1
            print(f"{entry['file']}: said {said}, mapped {found[0]}, in memory {found[1]}")
    for _, entry in well_formed.values():
        path = HERE / entry["file"]
        if verdict(path) != (True, True):
            differ += 1
            print(f"{entry['file']}: rejected")
            continue
        read = {
            name: dict(dtype=t["dtype"], shape=t["shape"], bytes=bytes(t["data"]).hex())
            for name, t in safetensors.deserialize(path.read_bytes())}
        if read != entry["tensors"]:
            differ += 1
            print(f"{entry['file']}: read as {read}")
    lax = sum(entry["acceptedByPython"] for _, entry in malformed.values())
    print(f"{len(malformed)} malformed, {lax} accepted by Python, {differ} not as said")
    return differ


if __name__ == "__main__":
    write()
    if "--measure" in sys.argv:
        sys.exit(1 if measure() else 0)
