/** Ends one fault at its time: keeper.ts LAB FAULT_ID UNTIL_MS. Started by engine.ts, one per fault. */
import { setTimeout as sleep } from "node:timers/promises";
import { describeError } from "../../contract/errors.ts";
import { findLab } from "../hosts/description.ts";
import { healFault } from "./engine.ts";

const [name = "", id = "", untilMs = "0"] = process.argv.slice(2);

try {
  await sleep(Math.max(0, Number(untilMs) - Date.now()));
  const lab = findLab(name);
  if (lab !== null) await healFault(lab, id);
} catch (error) {
  console.error(`${new Date().toISOString()} fault ${id}: ${describeError(error)}`);
  process.exitCode = 1;
}
