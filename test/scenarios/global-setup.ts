/** Brings the scenarios' cluster up once, as a newcomer would, and removes it at the end. */
import { join } from "node:path";
import { execa } from "execa";

const root = join(import.meta.dirname, "../..");
const labName = process.env.HOLDFAST_TEST_LAB ?? "test";

async function localnet(...args: string[]): Promise<void> {
  await execa(process.execPath, [join(root, "lab/localnet.ts"), ...args, "--lab", labName], {
    stdio: ["ignore", "inherit", "inherit"],
  });
}

/** HOLDFAST_KEEP_LAB=1 leaves the cluster for the next run, while one works on a scenario. */
export default async function setup(): Promise<() => Promise<void>> {
  const keep = process.env.HOLDFAST_KEEP_LAB === "1";
  if (!keep) await localnet("down");
  await localnet();
  return async () => {
    if (!keep) await localnet("down");
  };
}
