/**
 * How a process that root started reaches Consul: outside the agent's unit there are no credentials in
 * $CREDENTIALS_DIRECTORY, so they are unsealed here, into memory.
 *
 * Awkward cases: Consul and its ACLs are set up before the agent, and taken down after it; then agent.json
 * is not there, and Consul's own configuration says where it listens. And what rests on the host may be damaged, or sealed
 * by another one, which an apply is about to mend: it has the same from the stack, and uses that. Without either it must
 * not go on, for it would disturb this host without asking anybody.
 */
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { hostPort } from "../contract/address.ts";
import { credentials, paths, ports } from "../contract/paths.ts";
import type { HostSpec, Secrets } from "../contract/wire/host-spec.ts";
import type { ConsulConnection } from "../host/consul/client.ts";
import { unsealCredential } from "./credentials.ts";
import { type DeployedConfig, readDeployedConfig } from "./deployed-config.ts";
import { credentialPath } from "./inventory.ts";

/** What an apply was given: it stands in for what cannot be read on the host. */
export interface Given {
  readonly spec: Pick<HostSpec, "host" | "secretFiles" | "credentials">;
  readonly secrets: Secrets;
}

/**
 * The servers to ask: this host's own Consul first. Null where neither agent nor Consul is set up.
 * @throws Error when they are, and something that it takes cannot be had
 */
export async function readConsulAccess(
  given: Given | null = null,
): Promise<readonly [ConsulConnection, ...ConsulConnection[]] | null> {
  const agent = await readDeployedConfig();
  const place = agent === null ? await placeFromConsul() : placeFromAgent(agent);
  if (place === null) return null;
  const givenToken = givenCredential(given, credentials.consulToken)?.trim();
  const tls = {
    ca: await readFile(place.caFile, "utf8").catch(standIn(givenFile(given, place.caFile))),
    cert: await readFile(place.certFile, "utf8").catch(standIn(givenFile(given, place.certFile))),
    key: await unsealCredential(credentials.tlsKey, credentialPath(credentials.tlsKey)).catch(
      standIn(givenCredential(given, credentials.tlsKey)),
    ),
    token: (await readToken().catch(standIn(givenToken))) || (givenToken ?? ""),
  };
  const [own, ...others] = place.urls;
  return [{ url: own, ...tls }, ...others.map((url) => ({ url, ...tls }))];
}

/** For what cannot be read: `given`, or the reason why not. */
function standIn(given: string | undefined): (error: Error) => string {
  return (error) => {
    if (given === undefined) throw error;
    return given;
  };
}

/** Exported for its test alone. */
export function givenFile(given: Given | null, path: string): string | undefined {
  const secret = given?.spec.secretFiles.find((file) => file.path === path)?.secret;
  return secret === undefined ? undefined : given?.secrets[secret];
}

/** Exported for its test alone. */
export function givenCredential(given: Given | null, name: string): string | undefined {
  const secret = given?.spec.credentials.find((one) => one.name === name)?.secret;
  return secret === undefined ? undefined : given?.secrets[secret];
}

interface Place {
  readonly urls: readonly [string, ...string[]];
  readonly caFile: string;
  readonly certFile: string;
}

function placeFromAgent({ consul }: DeployedConfig): Place {
  const [own = "", ...others] = consul.urls;
  return { urls: [own, ...others], caFile: consul.caFile, certFile: consul.certFile };
}

/** The parts of Consul's configuration that say where its HTTPS API is (Consul merges all files of the directory). */
const consulConfigSchema = z.object({
  addresses: z.object({ https: z.string().optional() }).optional(),
  ports: z.object({ https: z.number().optional() }).optional(),
  tls: z.object({ defaults: z.object({ ca_file: z.string(), cert_file: z.string() }) }),
});

/** Null where there is none; one that is there and cannot be used is an error, for its Consul may run. */
async function placeFromConsul(): Promise<Place | null> {
  if (!existsSync(paths.consulConfig)) return null;
  const names = (await readdir(paths.consulConfig)).filter((name) => name.endsWith(".json")).toSorted();
  if (names.length === 0) return null;
  let merged = {};
  for (const name of names)
    merged = { ...merged, ...JSON.parse(await readFile(join(paths.consulConfig, name), "utf8")) };
  const config = consulConfigSchema.safeParse(merged);
  if (!config.success) throw new Error(`${paths.consulConfig} does not say where this host's Consul listens`);
  // Several addresses may be given, apart by blanks; "all" includes loopback.
  const listens = (config.data.addresses?.https ?? "127.0.0.1").split(" ");
  const address = listens.find((a) => a.startsWith("127.")) ?? listens[0] ?? "127.0.0.1";
  const host = address === "0.0.0.0" ? "127.0.0.1" : address === "::" ? "::1" : address;
  return {
    urls: [`https://${hostPort(host, config.data.ports?.https ?? ports.consulHttps)}`],
    caFile: config.data.tls.defaults.ca_file,
    certFile: config.data.tls.defaults.cert_file,
  };
}

const consulSecretsSchema = z.object({
  acl: z.object({ tokens: z.object({ agent: z.string().optional(), default: z.string().optional() }) }),
});

/**
 * The host's token, which its Consul and its agent share; Consul's own copy counts where there is no agent.
 * Empty where there is neither: then only the questions that need no token are answered.
 */
async function readToken(): Promise<string> {
  const own = credentialPath(credentials.consulToken);
  if (existsSync(own)) return (await unsealCredential(credentials.consulToken, own)).trim();
  const consuls = credentialPath(credentials.consulSecrets);
  if (!existsSync(consuls)) return "";
  const { tokens } = consulSecretsSchema.parse(
    JSON.parse(await unsealCredential(credentials.consulSecrets, consuls)),
  ).acl;
  return tokens.agent ?? tokens.default ?? "";
}
