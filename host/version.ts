/** What we ship; the same as package.json says (a test compares). */
export const version = "0.2.0";
