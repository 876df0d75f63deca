/** The cluster as the commands see it: what `holdfast status --json` prints, and the answers that it is made of. */

import type { ErrorCode } from "../../contract/errors.ts";
import type { AgentStatus } from "../../contract/wire/agent-status.ts";

/** What came back from one host. */
export type HostAnswer =
  | { readonly host: string; readonly status: AgentStatus }
  | { readonly host: string; readonly error: { readonly code: ErrorCode; readonly message: string } };

/** One host in `holdfast status --json`. */
export interface HostView {
  readonly name: string;
  readonly roles: readonly string[];
  /** It answered over SSH. */
  readonly reachable: boolean;
  /** Why there is no answer from its agent; null when there is one. */
  readonly error: { readonly code: ErrorCode; readonly message: string } | null;
  readonly agent: {
    readonly role: AgentStatus["role"];
    readonly because: string;
    readonly ready: boolean;
    readonly notReadyBecause: string | null;
    readonly since: string;
    readonly version: string;
    readonly uptimeMs: number;
  } | null;
  readonly neard: AgentStatus["neard"];
  readonly key: AgentStatus["key"] | null;
  readonly fence: AgentStatus["fence"] | null;
  readonly consul: AgentStatus["consul"] | null;
}

/** `holdfast status --json`. */
export interface ClusterView {
  readonly network: string;
  readonly account: string;
  /** The host that is active; null when there is none, and when more than one says so. */
  readonly active: string | null;
  /** The active host's epoch; without one the greatest that any host saw. */
  readonly epoch: number | null;
  /** Since when the active host is active (ISO 8601, that host's wall clock). */
  readonly since: string | null;
  /** What is left of the active host's lease, in milliseconds. */
  readonly lease: number | null;
  /** Whether the chain takes what the active host signs; null: none is active, or its agent is older than that. */
  readonly heard: AgentStatus["heard"];
  readonly paused: boolean;
  readonly switchover: { readonly id: string; readonly to: string | null } | null;
  readonly hosts: readonly HostView[];
  /** More than one host says that it is active, and what to do at once. */
  readonly alarm: { readonly message: string; readonly next: string } | null;
  /** One sentence for each thing that is amiss. */
  readonly problems: readonly string[];
  /** Nothing is amiss now: what one event would take at once. Does not change the exit code. */
  readonly warnings: readonly string[];
}
