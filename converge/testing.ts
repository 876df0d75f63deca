/** Facts for the converger's tests. */
import type { UnitFact } from "./facts.ts";

/** A unit that is as it should be: loaded, enabled, and running. */
export const runningUnit: UnitFact = {
  state: "running",
  failed: false,
  restarts: 0,
  mainPid: 0,
  loaded: true,
  enabled: true,
  needsDaemonReload: false,
  fragment: "",
  dropIns: [],
};
