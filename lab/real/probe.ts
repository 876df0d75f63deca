/**
 * Looks at one host's neard and fence from inside the host's network namespace, some times a second, and writes
 * each look as a line of JSON. A child of the witness (main.ts), which starts it by nsenter; it changes nothing
 * on the host, is no process of the host's, and ends with its parent, whose end of stdin it holds.
 */
import "../../contract/first.ts";
import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { runEntry } from "../../contract/entry.ts";
import { plainReason } from "../../contract/errors.ts";
import { fenceTable, ports } from "../../contract/paths.ts";
import { environment } from "../hosts/machine.ts";
import { letsOut } from "./fence-sight.ts";
import { metricIn } from "./rpc.ts";
import type { Sample } from "./stays.ts";

const everyMs = 200;
const lateMs = 400;
/** The metrics are long; every so many looks are enough for a counter. */
const metricsEvery = 5;

type Answer = { text: string } | "late" | "gone";

function get(path: string): Promise<Answer> {
  return new Promise((resolve) => {
    const sent = request({ host: "127.0.0.1", port: ports.neardRpc, path }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("end", () => resolve({ text: Buffer.concat(chunks).toString("utf8") }));
      response.once("error", () => resolve("late"));
    });
    const giveUp = setTimeout(() => sent.destroy(new Error("late")), lateMs);
    sent.once("error", (error: NodeJS.ErrnoException) => resolve(error.code === "ECONNREFUSED" ? "gone" : "late"));
    sent.once("close", () => clearTimeout(giveUp));
    sent.end();
  });
}

/** Whether the fence lets neard's packets out now. Null when the kernel does not say. */
async function fenceIsOpen(): Promise<boolean | null> {
  const listed = await execa("nft", ["list", "table", "inet", fenceTable], {
    env: { ...environment, TZ: "UTC" },
    reject: false,
  });
  if (listed.failed) return /No such file/.test(listed.stderr) ? true : null;
  return letsOut(listed.stdout, Date.now());
}

async function look(round: number): Promise<Sample> {
  const atMs = Date.now();
  const answer = await get("/status");
  if (typeof answer === "string") return { atMs, neard: answer, key: null, open: null, produced: null };
  const { validator_public_key: key } = JSON.parse(answer.text) as { validator_public_key?: string | null };
  const metrics = round % metricsEvery === 0 ? await get("/metrics") : "late";
  return {
    atMs,
    neard: "answer",
    key: key ?? null,
    open: key ? await fenceIsOpen() : null,
    produced: typeof metrics === "string" ? null : (metricIn(metrics.text, "near_block_produced_total") ?? 0),
  };
}

await runEntry("lab probe", async () => {
  process.stdin.once("end", () => process.exit(0)).resume();
  for (let round = 0; ; round++) {
    const began = performance.now();
    try {
      console.log(JSON.stringify(await look(round)));
    } catch (error) {
      console.error(`probe: ${plainReason(error)}`);
    }
    await sleep(Math.max(0, everyMs - (performance.now() - began)));
  }
});
