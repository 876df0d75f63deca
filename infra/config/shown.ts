/**
 * A value that somebody gave, for the middle of a sentence on a terminal or a page: one line, not long, and nothing in
 * it that a terminal would obey. What looks like a key is not shown, whatever the setting in which it stands. Pure.
 */

const mostCharacters = 60;

/** What ends up in a wrong setting by a slip of the clipboard: keys, and tokens of Hetzner Cloud, which no checksum looks like. */
const secretLike =
  /PRIVATE KEY|secret_key|private_key|ed25519:[1-9A-HJ-NP-Za-km-z]{80,}|\b(?=[a-z0-9]*[A-Z])(?=[A-Z0-9]*[a-z])[A-Za-z0-9]{64}\b/;

/** Controls (ESC among them), invisible characters, marks that turn the writing around, halves of characters. */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]/gu;

const byNumber = (character: string) => `\\u{${character.codePointAt(0)?.toString(16)}}`;

/** A name or a text as it is, as far as it can be shown. */
export function shownText(text: string): string {
  if (secretLike.test(text)) return "…";
  const short = [...text.slice(0, 2 * mostCharacters)];
  const cut = short.length > mostCharacters ? `${short.slice(0, mostCharacters).join("")}…` : short.join("");
  return cut.replaceAll(unprintable, byNumber);
}

/** A line of a file, whole. */
export function shownLine(line: string): string {
  return secretLike.test(line) ? "…" : line.replaceAll(unprintable, byNumber);
}

/** A plain value, a text in quotes; undefined where it is not to be shown: a key, or a whole section. */
export function shown(value: unknown): string | undefined {
  if (typeof value === "string") return secretLike.test(value) ? undefined : `"${shownText(value)}"`;
  return typeof value === "object" ? undefined : String(value);
}
