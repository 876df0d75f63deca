/**
 * Asks neard itself about a configuration before it is put where neard reads it.
 *
 * Think of trying a key on a spare lock: `neard validate-config` reads the new files in a folder of their own, by the
 * new program if that changes too, as neard's user. A configuration that it refuses never meets the running neard: no
 * restart, no switchover, and no reload that neard would reject, keeping a key that it should let go of.
 * Awkward case: it may say no for a reason that is none of the configuration's (a file limit, a kill). So a no counts
 * only when the same question about the present files gets a yes. Not promised: that neard starts; this is no start.
 */
import { chmod, chown, mkdir, readFile, rm, stat, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { HoldfastError } from "../contract/errors.ts";
import { paths, users } from "../contract/paths.ts";
import type { HostSpec, Secrets } from "../contract/wire/host-spec.ts";
import { userIds } from "../host/system/users.ts";
import { unpackArtifact, writeFileAtomic } from "./atomic-file.ts";
import { fileText } from "./plan-steps.ts";
import { type Progress, whileWaiting } from "./progress.ts";
import { type Step, subject } from "./steps.ts";

/** What neard reads of its home without its key: the names there. */
const config = "config.json";
const others = ["log_config.json", "node_key.json", "genesis.json"] as const;
/** A name that nobody has: the question is about the configuration, and the validator key is none of its business. */
const noKey = "no-validator-key.json";

const atHome = (name: string) => join(paths.neardHome, name);

/** Whether these steps change what neard reads at its start. */
export function concernsNeard(spec: HostSpec, steps: readonly Step[]): boolean {
  if (spec.concern !== "neard") return false;
  const read = new Set([paths.neard, ...[config, ...others].map(atHome)]);
  return steps.some((step) => ["file", "artifact", "delete-file"].includes(step.kind) && read.has(subject(step)));
}

/** config.json with the same text for neard, but for the validator key. */
export function withoutKey(text: string): string {
  const parsed: unknown = JSON.parse(text);
  return `${JSON.stringify({ ...(parsed as object), validator_key_file: noKey }, null, 2)}\n`;
}

/** What neard said of it, in its last lines; its log's and a backtrace's are left out. */
export function refusalIn(output: string): string {
  const [said = ""] = output.split(/^\s*(?:Stack backtrace|stack backtrace|note: run with)/m);
  const lines = said
    .split("\n")
    .filter((line) => line.trim() !== "" && !/^\S*\d{2}:\d{2}:\d{2}\S*\s+(INFO|WARN|DEBUG)\b/.test(line));
  return lines
    .slice(-8)
    .join("\n  ")
    .replace(/^Error:\s*/, "");
}

/** Yes, no with neard's words, or nothing that can be built on. */
export type Verdict = { readonly is: "yes" } | { readonly is: "no" | "unknown"; readonly because: string };

/**
 * @param ask about the new files, and about the present ones; null where there are none
 * @throws HoldfastError HF_NEARD_CONFIG when neard refuses the new ones and not the present ones
 */
export async function judge(
  host: string,
  ask: (which: "new" | "present") => Promise<Verdict | null>,
  progress: Progress,
): Promise<void> {
  const verdict = await ask("new");
  if (verdict === null || verdict.is === "yes") return;
  const present = verdict.is === "no" ? await ask("present") : null;
  if (verdict.is === "no" && (present === null || present.is === "yes"))
    throw new HoldfastError(
      "HF_NEARD_CONFIG",
      `${host}: neard refuses the configuration that it was to get, and nothing was changed: ${verdict.because}`,
      {
        next: "Correct the setting that it names (most likely in holdfast:neard.config), or take the change back, and run pulumi up again.",
      },
    );
  progress(`going on, for neard cannot be asked about its configuration here: ${verdict.because}`);
}

/** On this host, before the first of `steps`. @throws HoldfastError HF_NEARD_CONFIG, and those of unpacking */
export async function validateNeard(
  spec: HostSpec,
  secrets: Secrets,
  steps: readonly Step[],
  progress: Progress,
): Promise<void> {
  if (!concernsNeard(spec, steps)) return;
  const trial = new Trial(spec, secrets, steps, progress);
  try {
    await trial.clear();
    await judge(spec.host, (which) => trial.ask(which), progress);
  } finally {
    await trial.clear();
  }
}

/** A genesis of a public network takes its time to read. */
const askWithinMs = 120_000;
/** Somebody killed all that is neard meanwhile. */
const mostKilled = 3;

/** The limit as neard's unit has it, where it can be had; then as neard's user, and after everybody else. */
const asNeard = `ulimit -n 1048576 2>/dev/null || ulimit -n "$(ulimit -Hn)" || :
exec setpriv --reuid=${users.neard} --regid=${users.neard} --clear-groups --no-new-privs nice -n 10 "$@"`;

class Trial {
  /** On the disk where neard's home is, for a genesis can be large; a killed apply's is cleared by the next one. */
  readonly #folder = join(paths.state, "validate-neard");
  /** Beside the program that it may replace: elsewhere it might not be allowed to run. */
  readonly #program = `${paths.neard}.validate`;
  readonly #spec: HostSpec;
  readonly #secrets: Secrets;
  readonly #changed: ReadonlySet<string>;
  readonly #progress: Progress;

  constructor(spec: HostSpec, secrets: Secrets, steps: readonly Step[], progress: Progress) {
    this.#spec = spec;
    this.#secrets = secrets;
    this.#changed = new Set(steps.map(subject));
    this.#progress = progress;
  }

  async clear(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
    await rm(this.#program, { force: true });
  }

  async ask(which: "new" | "present"): Promise<Verdict | null> {
    await rm(this.#folder, { recursive: true, force: true });
    await mkdir(this.#folder, { recursive: true });
    const { uid, gid } = userIds(users.neard);
    await chmod(this.#folder, 0o700);
    await chown(this.#folder, uid, gid);
    const put = async (name: string, text: string) =>
      await writeFileAtomic(join(this.#folder, name), text, { mode: "0600", uid, gid });
    const text = which === "new" ? this.#given(atHome(config)) : await this.#present(config);
    if (text === null) return null;
    await put(config, withoutKey(text));
    for (const name of others) {
      const path = atHome(name);
      const given = which === "new" && this.#changed.has(path) ? this.#given(path) : null;
      if (given !== null) await put(name, given);
      else if (which === "new" && this.#changed.has(path) && (await this.#unpack(path, join(this.#folder, name))))
        continue;
      else if (await exists(path)) await symlink(path, join(this.#folder, name));
      // neard makes its own genesis at a first apply, after the configuration is there: it cannot be asked before.
      else if (name !== "log_config.json") return null;
    }
    const isNew = which === "new" && this.#changed.has(paths.neard) && (await this.#unpack(paths.neard, this.#program));
    const program = isNew ? this.#program : paths.neard;
    if (!(await exists(program))) return null;
    return await whileWaiting(this.#progress, "neard looks at its configuration", run(program, this.#folder));
  }

  /** The text of a file of the spec; null when it is none, or its secret is not at hand. */
  #given(path: string): string | null {
    const file = this.#spec.files.find((one) => one.path === path);
    if (file !== undefined) return fileText(file.lines);
    const secret = this.#spec.secretFiles.find((one) => one.path === path)?.secret;
    return secret === undefined ? null : (this.#secrets[secret] ?? null);
  }

  async #present(name: string): Promise<string | null> {
    return (await exists(atHome(name))) ? await readFile(atHome(name), "utf8") : null;
  }

  /** False: the spec has no such artifact. */
  async #unpack(path: string, to: string): Promise<boolean> {
    const artifact = this.#spec.artifacts.find((one) => one.path === path);
    if (artifact === undefined) return false;
    await mkdir(dirname(to), { recursive: true });
    await unpackArtifact({ ...artifact, path: to }, { mode: "0755", uid: 0, gid: 0 });
    return true;
  }
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

async function run(program: string, home: string): Promise<Verdict> {
  const neard = [program, "--unsafe-fast-startup", "--home", home, "validate-config"];
  for (let tries = 1; ; tries++) {
    const result = await execa("/bin/sh", ["-c", asNeard, "sh", ...neard], {
      cwd: "/",
      env: { RUST_BACKTRACE: "0", HOME: home },
      stdin: "ignore",
      timeout: askWithinMs,
      killSignal: "SIGKILL",
      reject: false,
    });
    if (!result.failed) return { is: "yes" };
    if (result.timedOut) return { is: "unknown", because: `it took longer than ${askWithinMs / 1000} s` };
    const words = refusalIn(`${result.stdout}\n${result.stderr}`);
    if (result.signal !== "SIGKILL") return { is: "no", because: words || (result.shortMessage ?? "it said nothing") };
    if (tries >= mostKilled) return { is: "unknown", because: `it was killed ${tries} times` };
  }
}
