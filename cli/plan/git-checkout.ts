/** The checkout that a command works in, through git: other versions of a file, and which files differ. Read only. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { HoldfastError, plainReason } from "../../contract/errors.ts";
import type { Checkout } from "../ports.ts";

/** No stack's file is near it; what somebody else made may be. */
const mostBytes = 4_000_000;

export function gitCheckout(directory: string): Checkout {
  const git = async (...args: string[]) => {
    // Nothing that a checkout configures may run: no pager, no hook, no filter, no external diff.
    const { exitCode, stdout, stderr } = await execa("git", ["--no-pager", ...args], {
      cwd: directory,
      reject: false,
      maxBuffer: mostBytes,
      stripFinalNewline: false,
    });
    return { exitCode, stdout, stderr };
  };
  return {
    async commitOf(ref) {
      const { exitCode, stdout } = await git("rev-parse", "--verify", "--quiet", "--end-of-options", `${ref}^{commit}`);
      const commit = stdout.trim();
      if (exitCode === 0 && /^[0-9a-f]{40,64}$/.test(commit)) return commit;
      const inGit = (await git("rev-parse", "--git-dir")).exitCode === 0;
      throw new HoldfastError(
        "HF_USAGE",
        inGit ? `git knows no commit ${ref} here.` : `${directory} is no checkout of git's, or git is not installed.`,
        { next: "Name a branch, tag or commit that is there: git fetch brings those of others." },
      );
    },
    async read(commit, path) {
      if (commit === null) {
        try {
          return await readFile(join(directory, path), "utf8");
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
          throw new HoldfastError("HF_USAGE", `${path} cannot be read: ${plainReason(error)}.`, { cause: error });
        }
      }
      const { exitCode, stdout } = await git("cat-file", "blob", `${commit}:${path}`);
      return exitCode === 0 ? stdout : null;
    },
    async differing(base, head, paths) {
      const range = head === null ? [base] : [base, head];
      const { exitCode, stdout, stderr } = await git(
        "diff",
        "--no-ext-diff",
        "--no-textconv",
        "--name-only",
        "-z",
        ...range,
        "--",
        ...paths,
      );
      if (exitCode !== 0)
        throw new HoldfastError(
          "HF_USAGE",
          `git cannot compare ${base} with what is here: ${stderr.trim().split("\n")[0]}.`,
          {
            next: "Fetch the whole of both commits (git fetch --depth=2).",
          },
        );
      const untracked =
        head === null ? (await git("ls-files", "-z", "--others", "--exclude-standard", "--", ...paths)).stdout : "";
      return `${stdout}${untracked}`.split("\0").filter((path) => path !== "");
    },
  };
}
