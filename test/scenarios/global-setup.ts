/** Brings the scenarios' cluster up once, as a newcomer would, and removes it at the end. */
import { join } from "node:path";
import { execa } from "execa";
import { neardVariable } from "../../lab/real/option.ts";

const root = join(import.meta.dirname, "../..");
const labName = process.env.HOLDFAST_TEST_LAB ?? "test";

export interface ClusterChoice {
  /** A real neard, by path; empty: the lab's own, whatever the caller's environment names. */
  readonly neard: string;
  /** How the hosts reach each other. */
  readonly family: "ipv4" | "ipv6";
}

async function localnet(labName: string, { neard, family }: ClusterChoice, ...args: string[]): Promise<void> {
  await execa(process.execPath, [join(root, "lab/localnet.ts"), ...args, "--lab", labName], {
    stdio: ["ignore", "inherit", "inherit"],
    env: { [neardVariable]: neard, HOLDFAST_LAB_FAMILY: family },
  });
}

/** HOLDFAST_KEEP_LAB=1 leaves the cluster for the next run, while one works on a scenario. */
export async function clusterUp(labName: string, choice: ClusterChoice): Promise<() => Promise<void>> {
  const keep = process.env.HOLDFAST_KEEP_LAB === "1";
  if (!keep) await localnet(labName, choice, "down");
  await localnet(labName, choice);
  return async () => {
    if (!keep) await localnet(labName, choice, "down");
  };
}

export default async function setup(): Promise<() => Promise<void>> {
  return await clusterUp(labName, { neard: "", family: "ipv4" });
}
