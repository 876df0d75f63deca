/** As root: through sudo where the login is another user. */
export function asRoot(user: string, argv: readonly string[]): string[] {
  return user === "root" ? [...argv] : ["sudo", "-n", "--", ...argv];
}
