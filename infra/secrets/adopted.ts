/**
 * The secrets of a deployment whose hosts a stack takes over because the stack that made them is lost: what each host said
 * of its own (infra/preflight/host-facts.ts reads it) → what the stack keeps from now on. Pure.
 *
 * Idea: nothing that the hosts have changes, so nothing has to happen at the same time on all of them, and a take-over that
 * ends half-way is gone on with. Two things no host has: the authority's private key, and Consul's management token, which its
 * servers had in their configuration in 0.1.
 */
import * as z from "zod";
import { authoritiesBut } from "../../contract/deployment.ts";
import type { CertifiedKey } from "./certificates.ts";
import type { ClusterSecretValues } from "./make-secrets.ts";

/** What one host has, as the texts of its files. */
export interface HostSecretTexts {
  /** Consul's configuration with gossip key and tokens. */
  readonly consulSecrets: string;
  readonly tlsKey: string;
  readonly certificate: string;
  /** All authorities that it trusts. */
  readonly authorities: string;
  /** neard's node_key.json; empty on an arbiter. */
  readonly nodeKey: string;
}

export interface AdoptedHost {
  readonly consulToken: string;
  readonly nodeKey: string | undefined;
  readonly certified: CertifiedKey;
}

export interface Adopted {
  readonly cluster: Required<Omit<ClusterSecretValues, "managementToken">>;
  /** Undefined: no host told it. The stack has one of its own then, and makes Consul take it. */
  readonly managementToken: string | undefined;
  readonly hosts: ReadonlyMap<string, AdoptedHost>;
}

const consulSecretsSchema = z.object({
  encrypt: z.string(),
  acl: z.object({ tokens: z.object({ agent: z.string(), initial_management: z.string().optional() }) }),
});

/**
 * @param id of the stack's own deployment: its authority is not among those that are trusted besides
 * @throws SyntaxError and ZodError when a host has something else there; no host at all is a TypeError
 */
export function adoptedFrom(id: string, hosts: ReadonlyMap<string, HostSecretTexts>): Adopted {
  const read = [...hosts].map(([name, texts]) => ({
    name,
    texts,
    consul: consulSecretsSchema.parse(JSON.parse(texts.consulSecrets)),
  }));
  const [first] = read;
  if (first === undefined) throw new TypeError("no host told its secrets");
  const trusted = new Set(read.flatMap(({ texts }) => authoritiesBut(id, texts.authorities)));
  return {
    cluster: {
      gossipKey: first.consul.encrypt,
      trusted: [...trusted].join(""),
    },
    managementToken: read.flatMap(({ consul }) => consul.acl.tokens.initial_management ?? [])[0],
    hosts: new Map(
      read.map(({ name, texts, consul }) => [
        name,
        {
          consulToken: consul.acl.tokens.agent,
          nodeKey: texts.nodeKey === "" ? undefined : texts.nodeKey,
          certified: { name, certificate: texts.certificate, privateKey: texts.tlsKey },
        },
      ]),
    ),
  };
}
