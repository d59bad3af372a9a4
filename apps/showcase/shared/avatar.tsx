/** A person's initials on a colour that stays theirs. Beside it stands the name: this is decoration. */

// White text on each is at least 4.5:1.
const colours = ["#8a3b12", "#0b615c", "#5b4a9e", "#8c2f55", "#2f6130", "#245c8f", "#6d5410", "#7a3a78"];
const nobodyColour = "#56625f";

export function Avatar({ user, name, isSmall = false }: { user: string; name: string; isSmall?: boolean }) {
  return (
    <span
      class={isSmall ? "avatar small" : "avatar"}
      style={{ background: colourOf(user) }}
      aria-hidden="true"
    >
      {user === "" ? "›_" : initialsOf(name)}
    </span>
  );
}

function colourOf(user: string): string {
  let hash = 0;
  for (const character of user) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) >>> 0;
  return user === "" ? nobodyColour : (colours[hash % colours.length] ?? nobodyColour);
}

function initialsOf(name: string): string {
  const words = name.split(/[\s_-]+/).filter((word) => word !== "");
  if (words.length === 0) return "?";
  const initials = [words[0], words.length > 1 ? words.at(-1) : undefined].map(
    (word) => [...(word ?? "")][0] ?? "",
  );
  return initials.join("").toLocaleUpperCase();
}
