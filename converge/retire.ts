/**
 * The end of a token whose host has another one by now: run on a Consul host once every host's Consul and agent were
 * applied with what they have now, with all hosts' tokens and the management token on stdin.
 *
 * Think of changing a lock while people are out: the old one goes when the last of them has the new key. So a host's old
 * token goes only where Consul knows the new one; and one of a host that is not among them is left to revoke.ts.
 */
import { aclName } from "../contract/topology.ts";
import type { Secrets } from "../contract/wire/host-spec.ts";
import { type AclFacts, type AclStep, aclSubject, describe } from "./acl.ts";
import { AclConsul } from "./acl-consul.ts";
import type { Change } from "./converge.ts";
import type { Progress } from "./progress.ts";

const answerWithinMs = 60_000;
/** As the stack calls a host's token: `<host>/consul-token`. */
const tokenOf = /^([^/]+)\/consul-token$/;

/** Pure. @param secrets as they come on stdin: by name */
export function planRetirement(secrets: Secrets, facts: AclFacts): AclStep[] {
  return Object.entries(secrets).flatMap(([name, secret]) => {
    const host = tokenOf.exec(name)?.[1];
    if (host === undefined || !facts.tokens.some((token) => token.secret === secret)) return [];
    return facts.tokens
      .filter((token) => token.description === describe(aclName(host)) && token.secret !== secret)
      .map(({ accessor }): AclStep => ({ kind: "delete-token", accessor, name: aclName(host), why: "another secret" }));
  });
}

export async function retireTokens(
  managementToken: string,
  secrets: Secrets,
  { progress, done }: { readonly progress: Progress; done(change: Change): void },
): Promise<void> {
  const consul = await AclConsul.open(managementToken);
  try {
    for (const step of planRetirement(secrets, await consul.readFacts(answerWithinMs, progress))) {
      await consul.perform(step);
      done({ what: aclSubject(step), why: step.why });
    }
  } finally {
    consul.close();
  }
}
