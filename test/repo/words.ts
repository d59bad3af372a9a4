/**
 * Words that readers of a page, a message or a document should not meet, with what to write instead. Each is matched as whole words, in
 * any case, and `\s+` stands for a space, so that a line break does not hide one.
 */
export interface UnwantedWord {
  readonly words: string;
  readonly instead: string;
}

export const unwantedWords: readonly UnwantedWord[] = [
  // Praise, which measurements and guarantees do better.
  ...["blazing", "blazingly", "cutting-edge", "effortless", "effortlessly", "frictionless", "game-changing"],
  ...[
    "lightning-fast",
    "next-generation",
    "powerful",
    "robust",
    "seamless",
    "seamlessly",
    "state-of-the-art",
  ],
  ...["supercharge", "world-class", "delve", "unleash", "revolutionary"],
].map((words) => ({ words, instead: "what it does, with a figure or a guarantee" }));

export const unwantedPhrases: readonly UnwantedWord[] = [
  { words: "utilize", instead: "use" },
  { words: "utilise", instead: "use" },
  { words: "leverage", instead: "use" },
  { words: "in order to", instead: "to" },
  { words: "obviously", instead: "nothing" },
  { words: "simply", instead: "nothing" },
  { words: "master/slave", instead: "primary and replica" },
  { words: "sanity check", instead: "check" },
  { words: "oops", instead: "what happened" },
  { words: "something went wrong.", instead: "what happened, and what to do" },
  { words: "an error occurred", instead: "what happened, and what to do" },
  { words: "welcome aboard", instead: "what the reader can do here" },
  { words: "click here", instead: "where the link leads" },
  // Riddles that were ours once.
  { words: "nobody in particular", instead: "the server" },
  { words: "is no JSON", instead: "invalid JSON" },
  { words: "a text that is not empty", instead: "a non-empty string" },
  { words: "responses that go on", instead: "streaming responses" },
  { words: "which no option is called by", instead: "unknown variable" },
  { words: "takes nothing more", instead: "is read-only after a write failure" },
  { words: "nothing here knows this token", instead: "unrecognized token" },
  { words: "who has a whole IPv6 network", instead: "IPv6 addresses are grouped by /64" },
  { words: "nobody is asked who they are", instead: "authentication is disabled" },
];
