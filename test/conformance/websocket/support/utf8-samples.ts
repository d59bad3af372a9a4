/**
 * Valid and invalid UTF-8, after the public collections of Markus Kuhn ("UTF-8 decoder capability and stress test")
 * and of Autobahn section 6.
 */
export interface ValidSample {
  readonly name: string;
  readonly hex: string;
  readonly text: string;
}

export const validSamples: readonly ValidSample[] = [
  { name: "nothing", hex: "", text: "" },
  { name: "Greek", hex: "cebae1bdb9cf83cebcceb5", text: "\u03ba\u1f79\u03c3\u03bc\u03b5" },
  {
    name: "mixed widths",
    hex: "48656c6c6f2dc2b540c39fc3b6c3a4c3bcc3a0c3a12d5554462d382121",
    text: "Hello-µ@ßöäüàá-UTF-8!!",
  },
  { name: "U+0000, the first of 1 byte", hex: "00", text: "\u{0}" },
  { name: "U+007F, the last of 1 byte", hex: "7f", text: "\u{7f}" },
  { name: "U+0080, the first of 2 bytes", hex: "c280", text: "\u{80}" },
  { name: "U+07FF, the last of 2 bytes", hex: "dfbf", text: "\u{7ff}" },
  { name: "U+0800, the first of 3 bytes", hex: "e0a080", text: "\u{800}" },
  { name: "U+D7FF, before the surrogates", hex: "ed9fbf", text: "\u{d7ff}" },
  { name: "U+E000, after the surrogates", hex: "ee8080", text: "\u{e000}" },
  { name: "U+FEFF, the byte order mark", hex: "efbbbf", text: "\u{feff}" },
  { name: "U+FFFD, the replacement character", hex: "efbfbd", text: "\u{fffd}" },
  { name: "U+FDD0, a noncharacter", hex: "efb790", text: "\u{fdd0}" },
  { name: "U+FFFE, a noncharacter", hex: "efbfbe", text: "\u{fffe}" },
  { name: "U+FFFF, the last of 3 bytes", hex: "efbfbf", text: "\u{ffff}" },
  { name: "U+10000, the first of 4 bytes", hex: "f0908080", text: "\u{10000}" },
  { name: "U+1FFFE, a noncharacter", hex: "f09fbfbe", text: "\u{1fffe}" },
  { name: "U+1F600, an emoji", hex: "f09f9880", text: "\u{1f600}" },
  { name: "U+3FFFF and U+40000", hex: "f0bfbfbff1808080", text: "\u{3ffff}\u{40000}" },
  { name: "U+FFFFF and U+100000", hex: "f3bfbfbff4808080", text: "\u{fffff}\u{100000}" },
  { name: "U+10FFFF, the last of all", hex: "f48fbfbf", text: "\u{10ffff}" },
];

/** Bytes that no valid text begins with; where exactly they fail is for the oracle to say. */
export const invalidSamples: readonly (readonly [name: string, hex: string])[] = [
  ["a lone continuation byte", "80"],
  ["the last continuation byte", "bf"],
  ["continuation bytes in a row", "8081bf80"],
  ["a character and a continuation byte", "c3a980"],
  ["a 2-byte character without its second", "c320"],
  ["a 3-byte character without its second", "e220"],
  ["a 3-byte character without its third", "e28220"],
  ["a 4-byte character without its second", "f020"],
  ["a 4-byte character without its third", "f09f20"],
  ["a 4-byte character without its fourth", "f09f9820"],
  ["a character begun inside another", "e2c3a9"],
  ["FE", "fe"],
  ["FF", "ff"],
  ["FE FE FF FF", "fefeffff"],
  ["an overlong slash in 2 bytes", "c0af"],
  ["an overlong slash in 3 bytes", "e080af"],
  ["an overlong slash in 4 bytes", "f08080af"],
  ["an overlong slash in 5 bytes", "f8808080af"],
  ["an overlong slash in 6 bytes", "fc80808080af"],
  ["an overlong NUL in 2 bytes", "c080"],
  ["an overlong NUL in 3 bytes", "e08080"],
  ["an overlong NUL in 4 bytes", "f0808080"],
  ["the highest overlong in 2 bytes", "c1bf"],
  ["the highest overlong in 3 bytes", "e09fbf"],
  ["the highest overlong in 4 bytes", "f08fbfbf"],
  ["U+D800, the first high surrogate", "eda080"],
  ["U+DB7F", "edadbf"],
  ["U+DBFF, the last high surrogate", "edafbf"],
  ["U+DC00, the first low surrogate", "edb080"],
  ["U+DFFF, the last low surrogate", "edbfbf"],
  ["a surrogate pair", "eda080edb080"],
  ["a surrogate after text", "cebae1bdb9cf83cebcceb5eda080656469746564"],
  ["U+110000, one past the last", "f4908080"],
  ["U+110000 after text", "cebae1bdb9cf83cebcceb5f4908080656469746564"],
  ["U+13FFFF", "f4bfbfbf"],
  ["U+140000", "f5808080"],
  ["F7", "f7bfbfbf"],
  ["a character of 5 bytes", "f888808080"],
  ["a character of 6 bytes", "fc8480808080"],
];
