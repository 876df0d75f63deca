/** Asks hosts for their agents' status, all at once. A host that does not answer is an answer too. */
import { HoldfastError } from "../../contract/errors.ts";
import { getStatus } from "../hosts/agent-client.ts";
import type { HostLinks } from "../hosts/host-links.ts";
import { claimants } from "./cluster-view.ts";
import type { HostAnswer } from "./views.ts";

export function askHosts(links: HostLinks, hosts: readonly string[]): Promise<HostAnswer[]> {
  return Promise.all(hosts.map((host) => askHost(links, host)));
}

export async function askHost(links: HostLinks, host: string): Promise<HostAnswer> {
  try {
    return { host, status: await getStatus(links.of(host)) };
  } catch (error) {
    if (error instanceof HoldfastError) return { host, error: { code: error.code, message: error.message } };
    throw error;
  }
}

/**
 * Two hosts that were asked at different moments can both have said `active` in truth, when the key
 * moved in between. So the claimants are asked once more, after all had answered: who still says so
 * was active all that time.
 */
export async function confirmClaims(links: HostLinks, answers: readonly HostAnswer[]): Promise<HostAnswer[]> {
  const claims = claimants(answers);
  if (claims.length < 2) return [...answers];
  const again = new Map((await askHosts(links, claims)).map((answer) => [answer.host, answer]));
  return answers.map((answer) => again.get(answer.host) ?? answer);
}
