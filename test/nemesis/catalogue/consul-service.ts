/** Consul's unit on the hosts, for the scenarios that handle it by hand. */
import type { Stage } from "../stage.ts";

export const unit = "holdfast-consul";
export const data = "/var/lib/holdfast-consul";

/** Long enough to be noticed by everybody. */
export const settleMs = 8000;
/** Consul's autopilot trusts a returned server again after 10 s. */
export const stabilizeMs = 12_000;

/** `systemctl <verb>` on each host; counts as the fault. */
export async function onConsuls(stage: Stage, hosts: readonly string[], verb: string): Promise<void> {
  stage.broken();
  await Promise.all(hosts.map((host) => stage.on(host, `systemctl ${verb} ${unit}`)));
}
