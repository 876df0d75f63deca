/**
 * Whose a host is. A deployment is one stack's cluster; every host keeps its identity in paths.deployment, and whoever
 * deploys says for which deployment he does. Pure.
 *
 * Idea: a deployment is known by the checksum of its own certificate authority. The authority is made once for a stack
 * and kept in its state, so no second stack has it by accident, and hosts that were deployed before they kept an
 * identity can be told by the authority that lies on them.
 * Awkward case: a stack that lost its state. It makes another authority, and is a stranger to its own hosts, until
 * they are adopted on purpose (docs/operate/lost-state.md).
 */
import { createHash } from "node:crypto";
import type { Claim, Identity } from "./wire/identity.ts";

/** Where a file that was there before us waits until we are gone. */
export function asideOf(path: string): string {
  return `${path}.before-holdfast`;
}

/** @param pem certificates; the first is the deployment's own authority. Null: there is none in it. */
export function deploymentId(pem: string): string | null {
  const [first] = certificatesIn(pem);
  return first === undefined ? null : idOf(first);
}

/** The certificates in `pem` without the authority of the deployment `id`. */
export function authoritiesBut(id: string, pem: string): string[] {
  return certificatesIn(pem).filter((certificate) => idOf(certificate) !== id);
}

function certificatesIn(pem: string): string[] {
  return [...pem.matchAll(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/g)].map(([text]) => text);
}

/** Of the certificate's bytes; infra/components/host-commands.ts has it in shell. */
function idOf(certificate: string): string {
  const bytes = Buffer.from(certificate.replaceAll(/-----[^-]+-----/g, ""), "base64");
  return `hf-${createHash("sha256").update(bytes).digest("hex").slice(0, 16)}`;
}

/** What a host shows of whose it is. */
export interface Marks {
  readonly identity: Identity | null;
  /** By the authority that lies on it; null: none does. */
  readonly authority: string | null;
  /** Where there is no identity, what else is known of it, such as `validator.near on mainnet, since …`. */
  readonly words?: string;
}

/** `fresh`: nobody's. `unmarked`: ours, from before hosts kept an identity. */
export type Standing = "own" | "fresh" | "unmarked" | "adopted" | "stranger";

/** Of a stack that may have deployed nothing yet: then its id is null. */
export type Claimant = Omit<Claim, "id"> & { readonly id: Claim["id"] | null };

/** @param claim null: whoever acts does not say for which deployment. */
export function standingOf(claim: Pick<Claimant, "id" | "adopt"> | null, { identity, authority }: Marks): Standing {
  const whose = identity?.id ?? authority;
  if (whose === null) return "fresh";
  if (claim === null) return identity === null ? "unmarked" : "stranger";
  if (whose === claim.id) return identity === null ? "unmarked" : "own";
  return whose === claim.adopt ? "adopted" : "stranger";
}

/** `deployment hf-… (stack a/b/c, validator.near on mainnet), since …`: the end of a sentence about whose a host is. */
export function describeOwner({ identity, authority, words }: Marks): string {
  if (identity === null)
    return `the deployment ${authority} (made by a version that left no name${words === undefined ? "" : `; ${words}`})`;
  const { id, stack, account, network, since } = identity;
  return `the deployment ${id} (stack ${stack}, ${account} on ${network}, since ${since})`;
}

/** What to do with a host that is another deployment's. @param id of the other; null when nobody has said */
export function nextForStranger(id: string | null): string {
  return (
    "If this is the wrong stack, select the right one. If this stack lost its state, bring it back (pulumi stack " +
    `import); only if it is gone for good, take the hosts over: pulumi config set holdfast:adopt ${id ?? "ID"} ` +
    "(docs/operate/lost-state.md)."
  );
}
