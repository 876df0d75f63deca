/** Brings the scenarios' cluster up once, as a newcomer would, and removes it at the end. */
import { join } from "node:path";
import { execa } from "execa";
import { neardVariable } from "../../lab/real/option.ts";

const root = join(import.meta.dirname, "../..");
const labName = process.env.HOLDFAST_TEST_LAB ?? "test";

/** @param neard a real one, by path; empty: the lab's own, whatever the caller's environment names */
async function localnet(labName: string, neard: string, ...args: string[]): Promise<void> {
  await execa(process.execPath, [join(root, "lab/localnet.ts"), ...args, "--lab", labName], {
    stdio: ["ignore", "inherit", "inherit"],
    env: { [neardVariable]: neard },
  });
}

/** HOLDFAST_KEEP_LAB=1 leaves the cluster for the next run, while one works on a scenario. */
export async function clusterUp(labName: string, neard: string): Promise<() => Promise<void>> {
  const keep = process.env.HOLDFAST_KEEP_LAB === "1";
  if (!keep) await localnet(labName, neard, "down");
  await localnet(labName, neard);
  return async () => {
    if (!keep) await localnet(labName, neard, "down");
  };
}

export default async function setup(): Promise<() => Promise<void>> {
  return await clusterUp(labName, "");
}
