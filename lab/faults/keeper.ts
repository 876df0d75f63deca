/** Ends one fault at its time: keeper.ts LAB FAULT_ID UNTIL_MS. Started by engine.ts, one per fault. */
import "../../contract/first.ts";
import { setTimeout as sleep } from "node:timers/promises";
import { runEntry } from "../../contract/entry.ts";
import { findLab } from "../hosts/description.ts";
import { healFault } from "./engine.ts";

const [name = "", id = "", untilMs = "0"] = process.argv.slice(2);

await runEntry(
  "lab fault keeper",
  async () => {
    await sleep(Math.max(0, Number(untilMs) - Date.now()));
    const lab = findLab(name);
    if (lab !== null) await healFault(lab, id);
  },
  { lead: `fault ${id}: ` },
);
