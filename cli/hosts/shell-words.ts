/** A command line for the POSIX shell that sshd starts: every argument quoted, nothing expanded. Pure. */

export function shellWords(argv: readonly string[]): string {
  return argv.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(" ");
}

/** As root: through sudo where the login is another user. */
export function asRoot(user: string, argv: readonly string[]): string[] {
  return user === "root" ? [...argv] : ["sudo", "-n", "--", ...argv];
}
