/**
 * The environment in which Pulumi runs: our tools first on PATH, a home of its own, and for the stacks of the
 * local network a backend and a passphrase inside `.localnet`. For other stacks the user's settings hold.
 */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { cacheDirectory, pulumiHome } from "./cache.ts";
import { repositoryRoot } from "./node-packages.ts";
import { userPulumiHome } from "./plugin-install.ts";
import { keepLogsOff } from "./pulumi-logs.ts";
import type { Tools } from "./tools.ts";

export type PulumiTools = Pick<Tools, "pulumi" | "pulumi-language-nodejs" | "command-plugin" | "hcloud-plugin">;

/** Variables to add to the environment of every pulumi command; an undefined one is to be removed. */
export type Variables = Record<string, string | undefined>;

export function pulumiEnvironment(tools: PulumiTools): Variables {
  const first = [
    dirname(tools.pulumi.path),
    dirname(tools["pulumi-language-nodejs"].path),
    join(repositoryRoot, "node_modules", ".bin"),
  ];
  keepLogsOff(pulumiHome());
  return {
    PATH: [...new Set(first), process.env.PATH ?? ""].join(delimiter),
    PULUMI_HOME: pulumiHome(),
    PULUMI_CREDENTIALS_PATH: process.env.PULUMI_CREDENTIALS_PATH ?? userPulumiHome(), // a login made before holds
    PULUMI_SKIP_UPDATE_CHECK: "true",
    // Where https_proxy is set, Node's gRPC would go through it to Pulumi's engine, which is on this machine.
    no_grpc_proxy: "127.0.0.1,localhost,::1",
    // Pulumi would try to replace our plugins by the official ones, from hosts that did not answer us.
    ...([tools["command-plugin"], tools["hcloud-plugin"]].some((plugin) => plugin?.from === "built")
      ? { PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true" }
      : {}),
    // The engine throws away much of what it makes: a preview of 30 hosts has room for that in 100 MB more.
    GOGC: process.env.GOGC ?? "400",
    NODE_COMPILE_CACHE: join(cacheDirectory(), "node-compile-cache"), // a second less on every run of the program
  };
}

/** True for the stacks that live in `.localnet`. */
export const isLocalStack = (stackName: string): boolean => (stackName.split("/").at(-1) ?? "").startsWith("localnet");

/** Backend and passphrase of a local stack; nothing for another one. Makes what is not there yet. */
export function localStackEnvironment(repoRoot: string, stackName: string): Variables {
  if (!isLocalStack(stackName)) return {};
  const backend = join(repoRoot, ".localnet", "pulumi");
  const passphrase = join(repoRoot, ".localnet", "passphrase");
  mkdirSync(backend, { recursive: true });
  if (!existsSync(passphrase))
    writeFileSync(passphrase, `${randomBytes(24).toString("base64url")}\n`, { mode: 0o600, flag: "wx" });
  return {
    PULUMI_BACKEND_URL: `file://${backend}`,
    PULUMI_CONFIG_PASSPHRASE: undefined, // it would win over the file
    PULUMI_CONFIG_PASSPHRASE_FILE: passphrase,
  };
}

/** The whole environment for one stack; without a name, for the selected one. */
export function stackEnvironment(tools: PulumiTools, repoRoot: string, stackName?: string): Variables {
  const stack = stackName ?? selectedStack(repoRoot);
  return {
    ...process.env,
    ...pulumiEnvironment(tools),
    ...(stack === undefined ? {} : localStackEnvironment(repoRoot, stack)),
  };
}

/** Whether a stack's settings have a section for Hetzner Cloud; without a name, the selected stack's. */
export function usesCloud(repoRoot: string, stackName?: string): boolean {
  const stack = (stackName ?? selectedStack(repoRoot))?.split("/").at(-1);
  const file = join(repoRoot, `Pulumi.${stack}.yaml`);
  return stack !== undefined && existsSync(file) && /^\s+["']?holdfast:hcloud["']?:/m.test(readFileSync(file, "utf8"));
}

const selectionFile = (repoRoot: string): string => join(repoRoot, ".localnet", "selected-stack");

/**
 * The stack that was selected last. Pulumi keeps a selection for every backend, so it cannot say which backend
 * is meant; this can. Where nothing was selected: the local network's stack if there is a local network.
 */
export function selectedStack(repoRoot: string): string | undefined {
  if (process.env.PULUMI_STACK) return process.env.PULUMI_STACK;
  const file = selectionFile(repoRoot);
  if (existsSync(file)) return readFileSync(file, "utf8").trim();
  return existsSync(join(repoRoot, ".localnet", "pulumi")) ? "localnet" : undefined;
}

/** Remembers a selection; undefined forgets it. */
export function rememberStack(repoRoot: string, stackName: string | undefined): void {
  const file = selectionFile(repoRoot);
  rmSync(file, { force: true });
  if (stackName === undefined) return;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${stackName}\n`);
}

export interface StackArguments {
  /** The stack that the arguments name, by --stack or as the argument of a stack command. */
  stack?: string;
  /** The arguments select a stack (`stack select`, `stack init`) or remove it. */
  effect?: "select" | "remove";
}

/** What the arguments of a pulumi command line say about its stack. Pure. */
export function readArguments(args: readonly string[]): StackArguments {
  const words: string[] = [];
  let named: string | undefined;
  for (let index = 0; index < args.length && args[index] !== "--"; index++) {
    const argument = args[index] ?? "";
    const joined = /^(?:--stack=|-s=?)(.+)$/.exec(argument)?.[1];
    if (joined !== undefined) named = joined;
    else if (argument === "-s" || argument === "--stack") named = args[++index];
    else if (!argument.startsWith("-")) words.push(argument);
  }
  const [action = "", operand] = words.slice(words.indexOf("stack") + 1);
  const effects: Record<string, "select" | "remove"> = { select: "select", init: "select", rm: "remove" };
  const effect = words.includes("stack") ? effects[action] : undefined;
  const stack = named ?? (effect === undefined ? undefined : operand);
  return { ...(stack === undefined ? {} : { stack }), ...(effect === undefined ? {} : { effect }) };
}
