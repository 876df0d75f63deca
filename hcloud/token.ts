/** The form of a token of Hetzner Cloud. The provider refuses another length; the API says no more than "unauthorized". */

const tokenLength = 64;

/** Why `text` cannot be a token, for the middle of a sentence and without any part of it; null: it may be one. */
export function tokenFault(text: string): string | null {
  if (text.length !== tokenLength)
    return `has ${text.length} characters, where a token of Hetzner Cloud has ${tokenLength}`;
  return /^[A-Za-z0-9]+$/.test(text) ? null : "has characters that are neither letters nor digits";
}
