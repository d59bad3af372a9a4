/** What is accepted as a name, a title or a message, and when two names are the same. Runs in the page, too. */

export const maxNameCharacters = 40;

/** Without what cannot be seen, and with single spaces. */
export function tidyName(name: string): string {
  return name.replace(/[\p{Cc}\p{Cf}\s]+/gu, " ").trim();
}

/** Says what is wrong with a name; undefined when nothing is. */
export function nameProblem(name: string): string | undefined {
  const tidy = tidyName(name);
  if (tidy === "") return "Please enter a name.";
  if ([...tidy].length > maxNameCharacters) return `A name can have up to ${maxNameCharacters} characters.`;
  return undefined;
}

/** Names that differ in case, spaces or forms of letters only are one name. Letters that look alike are not looked for. */
export function canonicalName(name: string): string {
  return tidyName(name).normalize("NFKC").toLowerCase().replace(/\s+/g, "");
}

/** Longest text of a message, in characters as people count them. */
export const maxTextCharacters = 2000;
