/**
 * What Hetzner Cloud's API refuses, or does not answer, as an error of ours: what was asked, what the API said and under which
 * id its support finds the request, and what to do. The token is in none of it.
 */
import { HoldfastError } from "../contract/errors.ts";

export interface HcloudFailure {
  /**
   * `refused`: the API answered with an error. `action`: it accepted, and the work failed. `malformed`: its answer is not
   * as documented. `unreachable`: no answer; whether the request arrived is not known. `late`: our own deadline passed
   * first; the same. `aborted`: our caller wanted no answer any more.
   */
  readonly is: "refused" | "action" | "malformed" | "unreachable" | "late" | "aborted";
  /** The API's code, such as `locked`; `http_502` where it gave none; empty where there was no answer. */
  readonly apiCode: string;
  /** HTTP status; null: there was no answer. */
  readonly status: number | null;
  /** X-Correlation-Id; null: there was none. */
  readonly correlationId: string | null;
}

/** Code HF_CLOUD. */
export class HcloudError extends HoldfastError implements HcloudFailure {
  readonly is: HcloudFailure["is"];
  readonly apiCode: string;
  readonly status: number | null;
  readonly correlationId: string | null;

  /** @param what one sentence: what was asked and why it was not done */
  constructor(what: string, failure: HcloudFailure) {
    const { is, apiCode, status, correlationId } = failure;
    const id = correlationId === null ? "" : ` (correlation id ${correlationId})`;
    super("HF_CLOUD", `${what}${id}.`, { next: nextFor(failure) });
    this.name = "HcloudError";
    this.is = is;
    this.apiCode = apiCode;
    this.status = status;
    this.correlationId = correlationId;
  }
}

/** Whether `error` says that the API has no such thing, for this token's project. */
export function isNotFound(error: unknown): boolean {
  return error instanceof HcloudError && error.apiCode === "not_found";
}

const tokenNext =
  "Make a token in the right project (console: Security, API tokens) and set it: " +
  "pulumi config set --secret --path holdfast:hcloud.token < TOKENFILE";

/** By the API's code (https://docs.hetzner.cloud, and hcloud-go's error.go). */
const nextByCode: Readonly<Record<string, string>> = {
  unauthorized: tokenNext,
  forbidden: "Give a token that may read and write, of the project that the resources are in.",
  token_readonly: "Give a token that may read and write; this one may only read.",
  not_found:
    "If it was deleted by hand, run pulumi up --refresh; if the token is of another project, set the right one.",
  invalid_input: "Correct the setting that has this value; docs/configuration.md has them all.",
  locked: "Another action runs on it: wait until it has ended, and try again.",
  resource_locked: "Only Hetzner's support can unlock it.",
  conflict: "Somebody changed it at the same time: try again.",
  protected: "Lift its protection first, if it shall really go: docs/operate/cloud.md.",
  uniqueness_error:
    "A thing with this name, or an SSH key with this text, is in the project already: adopt it (docs/operate/cloud.md), delete it, or choose another name.",
  resource_limit_exceeded: "Delete what is not used, or ask Hetzner for a higher limit (console: Limits).",
  resource_unavailable: "Choose another type or location; a preview names those with capacity.",
  placement_error: "Choose another location, or leave the placement group out (holdfast:hcloud.spread: false).",
  primary_ip_assigned: "Its old server still has the address: let the deletion end, and try again.",
  must_be_unassigned: "Delete the server that has the address first.",
  rate_limit_exceeded: "Wait some minutes: a project has 3,600 requests an hour, and regains one each second.",
  maintenance: "Hetzner is at work there: see status.hetzner.com, and try again later.",
  server_not_stopped: "Power the server off first.",
  ip_not_available: "Another server has this private address: give another, or detach that one.",
  no_subnet_available: "The subnet is full, or does not hold this address.",
};

const again = "Try again; if it stays so, see status.hetzner.com.";

function nextFor({ is, apiCode, status }: HcloudFailure): string {
  const known = nextByCode[apiCode];
  if (known !== undefined) return known;
  switch (is) {
    case "unreachable":
      return "Check that this machine reaches the API (holdfast:hcloud.endpoint, proxies, status.hetzner.com).";
    case "aborted":
      return "Run it again if it is still wanted.";
    case "malformed":
      return "Check holdfast:hcloud.endpoint; if it is the public API, it has changed: use a newer release of holdfast.";
    case "late":
      return again;
    case "action":
      return "Look at the server in Hetzner's console, then try again.";
    case "refused":
      return status !== null && status >= 500 ? again : "Look up the code at docs.hetzner.cloud.";
  }
}
