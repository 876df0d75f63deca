/**
 * The lab's levers on one neard: lab-options.json in its home. No file is the healthy node. Options
 * marked *live* act within half a second of the file's change, the others at the next start.
 */
import { readFileSync, statSync } from "node:fs";
import * as z from "zod";
import { version } from "./version.ts";

export const labOptionsSchema = z.strictObject({
  /** The start takes this long before RPC is up; SIGHUP meanwhile kills, as in the real neard. */
  startDelayMs: z.number().int().min(0).default(0),
  /** *live*: a graceful stop takes this long, and signing goes on until its end. */
  stopDelayMs: z.number().int().min(0).default(300),
  /** *live*: SIGTERM and SIGINT do nothing. */
  ignoreSigterm: z.boolean().default(false),
  /** *live*: RPC accepts and never answers, nothing is signed, SIGHUP and SIGTERM do nothing. */
  hang: z.boolean().default(false),
  /** *live*: alive and answering, but the head stands still and nothing is signed. */
  stall: z.boolean().default(false),
  /** *live*: every reload is rejected, as if a file were broken. */
  rejectReload: z.boolean().default(false),
  /** *live*: from SIGHUP until the files are read; another SIGHUP, or a SIGTERM, within it is lost. */
  reloadReadMs: z.number().int().min(0).default(1),
  /** *live*: from then until the signer changes; 2 to 38 ms were seen. */
  reloadApplyMs: z.number().int().min(0).default(20),
  /** *live*: a change of this number makes neard re-execute itself under the same PID. */
  reexec: z.number().int().default(0),
  /** *live*: the panic over AllShards also on a chain named localnet. */
  panicOnAllShards: z.boolean().default(false),
  /** *live*: without `maintenance_windows`, and with the older answer of its EXPERIMENTAL form. */
  legacyRpc: z.boolean().default(false),
  /** The newest protocol version that this neard speaks. */
  protocolVersion: z.number().int().default(version.protocol),
  /**
   * neard exits unless it may have this many open files. The real one asks for 65535; the lab asks
   * for less, since the machine under it may be capped itself (a container without CAP_SYS_RESOURCE).
   */
  requireNofile: z.number().int().default(16_384),
});
export type LabOptions = z.infer<typeof labOptionsSchema>;

const pollMs = 500;

/** Reads the options file at `path` now and whenever it changes. A broken file keeps the present options. */
export function watchOptions(
  path: string,
  onChange: (options: LabOptions) => void,
  onFault: (message: string) => void,
): LabOptions {
  let options = labOptionsSchema.parse({});
  let seen: number | undefined;
  const look = () => {
    const mtimeMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
    if (mtimeMs === seen) return false;
    seen = mtimeMs;
    try {
      options = labOptionsSchema.parse(mtimeMs === undefined ? {} : JSON.parse(readFileSync(path, "utf8")));
      return true;
    } catch (error) {
      onFault(error instanceof Error ? error.message : String(error));
      return false;
    }
  };
  look();
  setInterval(() => {
    if (look()) onChange(options);
  }, pollMs).unref();
  return options;
}
