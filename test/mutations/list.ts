/** All mutations, in the order in which `npm run mutations` shows them. */
import { applyMutations } from "./list/apply.ts";
import { clientMutations } from "./list/client.ts";
import { fenceMutations } from "./list/fence.ts";
import { fencingMutations } from "./list/fencing.ts";
import { guardMutations } from "./list/guard.ts";
import { heardMutations } from "./list/heard.ts";
import { leaseMutations } from "./list/lease.ts";
import { placeMutations } from "./list/place.ts";
import { releaseMutations } from "./list/releases.ts";
import { replaceMutations } from "./list/replace.ts";
import { restartMutations } from "./list/restart.ts";
import { standbyMutations } from "./list/standby.ts";
import { tamperingMutations } from "./list/tampering.ts";
import { timingMutations } from "./list/timing.ts";
import { unknownMutations } from "./list/unknown.ts";
import { wayOutMutations } from "./list/way-out.ts";
import type { Mutation } from "./mutation.ts";

export const mutations: readonly Mutation[] = [
  ...leaseMutations,
  ...standbyMutations,
  ...fenceMutations,
  ...wayOutMutations,
  ...restartMutations,
  ...clientMutations,
  ...timingMutations,
  ...guardMutations,
  ...heardMutations,
  ...unknownMutations,
  ...placeMutations,
  ...applyMutations,
  ...replaceMutations,
  ...tamperingMutations,
  ...fencingMutations,
  ...releaseMutations,
];
