/**
 * Waits for a server that was just made: until it answers over SSH with the host key that it was given, until cloud-init is done,
 * and until it has its address in the private network, which is attached only after it has booted.
 *
 * Awkward case: the interface that never comes. Kernels have missed the device, and cloud-init drops what happens while it
 * runs. So the host is nudged once, and if that does not help the words say what does.
 */
import { HoldfastError } from "../../contract/errors.ts";
import { type Dialled, dial } from "../../ssh/dial.ts";
import { exec } from "../../ssh/exec.ts";
import { explain, mayPass, SshFailure } from "../../ssh/failure.ts";
import type { Login, Way } from "../../ssh/way.ts";
import { type Fault, faultFrom } from "../config/faults.ts";
import type { HostAtCloud } from "../config/topology.ts";

/** A new server boots in half a minute, and installs packages in some more. */
export interface WaitPatience {
  /** For everything. */
  readonly withinMs: number;
  /** For the private address, once cloud-init is done. */
  readonly addressMs: number;
}
export const usualPatience: WaitPatience = { withinMs: 600_000, addressMs: 180_000 };

/** One attempt. */
const dialMs = 10_000;
/** At most; shorter by chance, for all new hosts may be asked through one jump host. */
const pauseMs = 2000;
/** Until its own keys are there, a server that boots may refuse us, or show a key of its image's. */
const bootingMs = 90_000;
/** When the host is nudged. */
const nudgeAfterS = 30;

/** What the host says in the end; see script. */
export interface BootReport {
  /** `none`: the host has no cloud-init. */
  readonly cloudInit: "done" | "degraded" | "error" | "late" | "none";
  readonly detail: string;
  readonly hasAddress: boolean;
  readonly addresses: string;
}

/**
 * Any POSIX sh, as root. `cloud-init status` ends with 1 for an error, and with 2 where it went on after one (since 23.4).
 * @param seconds for cloud-init, and for the address after it
 */
export function bootScript(address: string, seconds: { readonly cloudInit: number; readonly address: number }): string {
  return `
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
fact() { printf '%s=%s\\n' "$1" "$2"; }
if command -v cloud-init >/dev/null; then
  code=0; timeout ${seconds.cloudInit} cloud-init status --wait >/dev/null 2>&1 || code=$?
  case $code in 0) fact cloudInit done;; 2) fact cloudInit degraded;; 124) fact cloudInit late;; *) fact cloudInit error;; esac
  test $code = 0 || fact detail "$(cloud-init status --long 2>&1 | tr '\\n' ' ' | cut -c1-300)"
else fact cloudInit none; fi
has() { ip -4 -o addr show 2>/dev/null | grep -qF ' ${address}/'; }
waited=0
until has || [ $waited -ge ${seconds.address} ]; do
  sleep 1; waited=$((waited + 1))
  if [ $waited = ${nudgeAfterS} ]; then
    echo 1 > /sys/bus/pci/rescan; networkctl reload
  fi 2>/dev/null
done
if has; then fact hasAddress yes; fi
fact addresses "$(hostname -I 2>/dev/null)"
`;
}

/** Pure; undefined: something else answered. */
export function bootReportFrom(stdout: string): BootReport | undefined {
  const facts = new Map(
    stdout.split("\n").flatMap((line) => {
      const [, name, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
      return name === undefined ? [] : [[name, value?.trim() ?? ""] as const];
    }),
  );
  const state = facts.get("cloudInit");
  const cloudInit = (["done", "degraded", "error", "late", "none"] as const).find((one) => one === state);
  if (cloudInit === undefined || !facts.has("addresses")) return undefined;
  return {
    cloudInit,
    detail: facts.get("detail") ?? "",
    hasAddress: facts.get("hasAddress") === "yes",
    addresses: facts.get("addresses") ?? "",
  };
}

/** Pure. */
export function bootFaults(host: HostAtCloud, report: BootReport, patience: WaitPatience): Fault[] {
  const fault = (message: string, next: string): Fault => ({
    code: "HF_HOST_UNFIT",
    message: `${host.name} ${message}`,
    next,
  });
  const look = `Look at it: holdfast ssh ${host.name} -- cloud-init status --long; journalctl -u cloud-final there has the words.`;
  const detail = report.detail === "" ? "" : ` (${report.detail})`;
  return [
    ...(report.cloudInit === "error" ? [fault(`was not set up by cloud-init as it should${detail}`, look)] : []),
    ...(report.cloudInit === "late"
      ? [
          fault(
            `is still being set up by cloud-init after ${span(patience.withinMs)}${detail}`,
            `${look} If it goes on, run pulumi up again.`,
          ),
        ]
      : []),
    ...(report.hasAddress
      ? []
      : [
          fault(
            `has not got its address ${host.address} in the private network (it has ${report.addresses || "none"})`,
            "Restart it in Hetzner's console and run pulumi up again: kernels have missed the new interface. If it stays so, look there whether the server is attached to the network.",
          ),
        ]),
  ];
}

/** What cloud-init went on after is worth a word: what it left out may be missed later. Pure. */
export function bootWarnings({ name }: Pick<HostAtCloud, "name">, { cloudInit, detail }: BootReport): string[] {
  if (cloudInit !== "degraded") return [];
  return [
    `${name}: cloud-init went on after errors${detail === "" ? "" : ` (${detail})`}. See which: holdfast ssh ${name} -- cloud-init status --long.`,
  ];
}

export interface Waited {
  /** What keeps the host from being worked with; none: it is ready. */
  readonly faults: readonly Fault[];
  readonly warnings: readonly string[];
}

export async function waitForHost(
  host: HostAtCloud,
  login: Login,
  say: (what: string) => void,
  patience: WaitPatience = usualPatience,
): Promise<Waited> {
  const failed = (fault: Fault): Waited => ({ faults: [fault], warnings: [] });
  const way: Way = { name: host.name, ...host.ssh };
  const startMs = performance.now();
  const leftMs = () => startMs + patience.withinMs - performance.now();
  say("waiting until it answers over SSH");
  for (;;) {
    try {
      const open = await dial(way, login, { withinMs: Math.min(dialMs, Math.max(1, leftMs())), retryMs: 0 });
      say("waiting until cloud-init is done and the private address is there");
      const report = await readReport(host, way, open, { leftMs: leftMs(), patience });
      if (report !== undefined)
        return { faults: bootFaults(host, report, patience), warnings: bootWarnings(host, report) };
      // It was cut off, as by a restart.
    } catch (error) {
      if (!isPassing(error, performance.now() - startMs) || leftMs() <= pauseMs) return failed(faultOf(way, error));
    }
    if (leftMs() <= pauseMs) return failed(late(way, patience));
    await new Promise((resolve) => setTimeout(resolve, pauseMs * (1 - Math.random() / 2)));
  }
}

async function readReport(
  { address }: HostAtCloud,
  way: Way,
  open: Dialled,
  { leftMs, patience }: { readonly leftMs: number; readonly patience: WaitPatience },
): Promise<BootReport | undefined> {
  const seconds = { cloudInit: Math.max(1, Math.ceil(leftMs / 1000)), address: Math.ceil(patience.addressMs / 1000) };
  const script = `<<\\HOLDFAST_SCRIPT\n${bootScript(address, seconds)}\nHOLDFAST_SCRIPT\n`;
  const signal = AbortSignal.timeout(Math.ceil(leftMs + patience.addressMs + dialMs));
  try {
    const { stdout } = await exec(open.client, way, ["sh", "-s"], { behind: script, signal }).catch(
      (cause: unknown) => {
        // The SSH library's own, without a kind: the connection broke before the script began.
        throw cause instanceof Error && cause.constructor === Error
          ? new SshFailure({ is: "unreachable", cause }, way)
          : cause;
      },
    );
    return bootReportFrom(stdout);
  } finally {
    open.destroy();
  }
}

const span = (ms: number) => (ms < 120_000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60_000)} min`);

/** @throws whatever is no failure of the way to the host: a mistake of ours is nothing that passes */
function isPassing(error: unknown, sinceMs: number): boolean {
  if (error instanceof HoldfastError) return false;
  if (!(error instanceof SshFailure)) throw error;
  return mayPass(error.kind) || sinceMs < bootingMs;
}

function faultOf(way: Way, error: unknown): Fault {
  if (!(error instanceof SshFailure)) return faultFrom(error);
  const said = explain(way, error);
  if (error.kind.is === "wrong-host-key" || error.kind.is === "no-such-host-key")
    return {
      ...said,
      next: "It was given its host key as it was made, so somebody else may be answering, or its image has no cloud-init. Replace the server, or choose another image.",
    };
  return mayPass(error.kind) ? { ...said, next: `${consoleNext} ${said.next}` } : said;
}

const consoleNext = "See in Hetzner's console whether it boots, and run pulumi up again.";

function late(way: Way, { withinMs }: WaitPatience): Fault {
  return {
    code: "HF_HOST_UNREACHABLE",
    message: `${way.name} (${way.host}) was not ready within ${span(withinMs)}`,
    next: consoleNext,
  };
}
