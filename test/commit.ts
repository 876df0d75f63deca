/** Which commit was measured; with a plus where the checkout had changes. Null outside a checkout. */
import { execa } from "execa";

export async function commitNow(root: string): Promise<string | null> {
  const git = (...args: string[]) => execa("git", args, { cwd: root, reject: false });
  const [head, changes] = await Promise.all([git("rev-parse", "--short", "HEAD"), git("status", "--porcelain")]);
  if (head.exitCode !== 0) return null;
  return head.stdout + (changes.stdout === "" ? "" : "+");
}
