/** Every kind of fault, in the order in which `lab faults` lists them. */
import { HoldfastError } from "../../contract/errors.ts";
import { answersKinds } from "./answers.ts";
import { clockKinds } from "./clock.ts";
import { delayKinds } from "./delay.ts";
import { diskKinds } from "./disk.ts";
import type { FaultKind } from "./fault.ts";
import { filesKinds } from "./files.ts";
import { neardKinds } from "./neard.ts";
import { networkKinds } from "./network.ts";
import { powerKinds } from "./power.ts";
import { processKinds } from "./process.ts";

export const faultKinds: readonly FaultKind[] = [
  ...powerKinds,
  ...processKinds,
  ...networkKinds,
  ...delayKinds,
  ...answersKinds,
  ...diskKinds,
  ...filesKinds,
  ...neardKinds,
  ...clockKinds,
];

/** @throws HoldfastError HF_USAGE */
export function kindOf(name: string): FaultKind {
  const kind = faultKinds.find((candidate) => candidate.name === name);
  if (kind !== undefined) return kind;
  throw new HoldfastError("HF_USAGE", `There is no fault "${name}".`, {
    next: `The kinds: ${faultKinds.map((candidate) => candidate.name).join(", ")}.`,
  });
}
