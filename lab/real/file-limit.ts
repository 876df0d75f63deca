/**
 * neard's limit of open files. It asks for 65535 and exits where it may not have them: on servers the unit
 * gives it more, but in a container nobody may raise the limit. There a lab with a real neard runs its hosts
 * and its network behind nofile.pl, which answers the raising with success. What holdfast deploys, units
 * included, is the same as on servers and never sees it.
 */
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { environment } from "../hosts/machine.ts";

const wrapper = fileURLToPath(new URL("nofile.pl", import.meta.url));

/** What neard asks for at its start (nearcore: neard/src/main.rs). */
const neededFiles = 65_535;

/**
 * RocksDB's files, where the limit stays below what neard asks for: state snapshots take twice that many and
 * a thousand, and a lab's chain has some hundred.
 */
export const fewOpenFiles = 1000;

let answer: Promise<boolean> | undefined;

/** Whether a process of this machine may raise its limit to what neard asks for. */
export function mayRaiseFileLimit(): Promise<boolean> {
  answer ??= execa("prlimit", [`--nofile=${neededFiles}:${neededFiles}`, "true"], {
    env: environment,
    reject: false,
  }).then(({ failed }) => !failed);
  return answer;
}

/** `command`, so that a neard in it, or started by it, starts on this machine. */
export async function withFileLimit(command: readonly string[]): Promise<string[]> {
  return (await mayRaiseFileLimit()) ? [...command] : ["perl", wrapper, ...command];
}
