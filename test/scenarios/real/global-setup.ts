/** The cluster of the scenarios with a real neard: a lab of its own, which the neard that HOLDFAST_NEARD names runs. */
import { neardVariable } from "../../../lab/real/option.ts";
import { clusterUp } from "../global-setup.ts";

export default async function setup(): Promise<() => Promise<void>> {
  const neard = process.env[neardVariable] ?? "";
  if (neard === "") throw new Error(`${neardVariable} names no neard`);
  return await clusterUp(process.env.HOLDFAST_REAL_LAB ?? "real", { neard, family: "ipv4" });
}
