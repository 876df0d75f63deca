/** JSON with comments, as nearcore accepts it in its configuration and key files. */

/** `text` without its line and block comments; strings are left alone. @throws Error on a comment without end */
export function stripComments(text: string): string {
  let out = "";
  for (let i = 0; i < text.length; ) {
    if (text[i] === '"') {
      const end = endOfString(text, i);
      out += text.slice(i, end);
      i = end;
    } else if (text.startsWith("//", i) || text[i] === "#") {
      const end = text.indexOf("\n", i);
      i = end === -1 ? text.length : end;
    } else if (text.startsWith("/*", i)) {
      const end = text.indexOf("*/", i + 2);
      if (end === -1) throw new Error("a comment does not end");
      i = end + 2;
    } else {
      out += text[i++];
    }
  }
  return out;
}

/** Parses JSON with comments. @throws Error */
export function parseJsonWithComments(text: string): unknown {
  return JSON.parse(stripComments(text));
}

function endOfString(text: string, start: number): number {
  let i = start + 1;
  while (i < text.length && text[i] !== '"') i += text[i] === "\\" ? 2 : 1;
  return i + 1;
}
