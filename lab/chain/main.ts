/**
 * The simulated chain and its witness, outside the hosts:
 *
 *   node lab/chain/main.ts --dir DIR --listen ADDR:PORT --control SOCK [--hosts FILE.json]
 *                          [--slot-ms 600] [--epoch-length 100] [--chain-id localnet] [--tier1-interval-ms 5000]
 *
 * Prints one line when neards can connect; ends on SIGTERM and SIGINT.
 */
import "../../contract/first.ts";
import { parseArgs } from "node:util";
import { runEntry } from "../../contract/entry.ts";
import { HoldfastError } from "../../contract/errors.ts";
import { startChain } from "./server.ts";

const usage =
  "node lab/chain/main.ts --dir DIR --listen ADDR:PORT --control SOCK [--hosts FILE.json] [--slot-ms MS] [--epoch-length N] [--chain-id ID] [--tier1-interval-ms MS]";

function needed(value: string | undefined, flag: string): string {
  if (value === undefined) throw new HoldfastError("HF_USAGE", `${flag} is missing.`, { next: usage });
  return value;
}

function integer(value: string | undefined, flag: string): number | undefined {
  if (value === undefined) return undefined;
  if (!/^\d+$/.test(value)) throw new HoldfastError("HF_USAGE", `${flag} is ${value}, not a number.`, { next: usage });
  return Number(value);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      dir: { type: "string" },
      listen: { type: "string" },
      control: { type: "string" },
      hosts: { type: "string" },
      "slot-ms": { type: "string" },
      "epoch-length": { type: "string" },
      "chain-id": { type: "string" },
      "tier1-interval-ms": { type: "string" },
    },
  });
  const [, address, port] = /^(.+):(\d+)$/.exec(needed(values.listen, "--listen")) ?? [];
  const running = await startChain({
    directory: needed(values.dir, "--dir"),
    address: needed(address, "--listen ADDR:PORT"),
    port: Number(port),
    control: needed(values.control, "--control"),
    hosts: values.hosts,
    slotMs: integer(values["slot-ms"], "--slot-ms"),
    epochLength: integer(values["epoch-length"], "--epoch-length"),
    chainId: values["chain-id"],
    tier1IntervalMs: integer(values["tier1-interval-ms"], "--tier1-interval-ms"),
  });
  const { genesis } = running.chain;
  console.log(
    `chain ${genesis.chain_id}: a slot every ${genesis.slot_ms} ms, neards connect to ${address}:${running.port}`,
  );
  const stop = () => {
    // What it rejects with is told as everything else.
    void running.close().then(() => process.exit(0));
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
}

await runEntry("lab chain", main);
