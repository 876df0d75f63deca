/** Every scenario, in the order in which they are run. */
import { HoldfastError } from "../../../contract/errors.ts";
import type { Scenario } from "../scenario.ts";
import { clock } from "./clock.ts";
import { consul } from "./consul.ts";
import { consulData } from "./consul-data.ts";
import { disk } from "./disk.ts";
import { fencing } from "./fencing.ts";
import { host } from "./host.ts";
import { neard } from "./neard.ts";
import { network } from "./network.ts";
import { operator } from "./operator.ts";
import { processes } from "./processes.ts";
import { tampering } from "./tampering.ts";

export const catalogue: readonly Scenario[] = [
  ...processes,
  ...host,
  ...network,
  ...consul,
  ...consulData,
  ...disk,
  ...neard,
  ...clock,
  ...operator,
  ...tampering,
  // Last, for the cluster is deployed anew for it.
  ...fencing,
];

/** @throws HoldfastError HF_USAGE */
export function scenarioNamed(name: string): Scenario {
  const found = catalogue.find((scenario) => scenario.name === name);
  if (found !== undefined) return found;
  throw new HoldfastError("HF_USAGE", `There is no scenario "${name}".`, {
    next: "See which there are: npm run nemesis -- --list",
  });
}
