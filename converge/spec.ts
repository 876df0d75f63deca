/** Reads what `apply` is given. Nothing that is wrong with it gets past here. */
// Not z.core.toDotPath: it would bring all of zod into the bundle, every language included.
import type * as z from "zod";
import { toDotPath } from "zod/v4/core";
import { HoldfastError, plainReason } from "../contract/errors.ts";
import { readData } from "../contract/wire/format.ts";
import {
  type Concern,
  concerns,
  type HostSpec,
  hostSpecSchema,
  hostSpecShape,
  type Secrets,
  secretsSchema,
  specOnStdin,
} from "../contract/wire/host-spec.ts";

/** @throws HoldfastError HF_CONFIG_INVALID naming every fault at once. */
export function parseSpec(text: string, source: string): HostSpec {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (cause) {
    throw invalid(`${source} is not JSON: ${plainReason(cause)}`);
  }
  const reading = readData(hostSpecShape, data);
  if (reading.is === "read") return reading.value;
  if (reading.is === "newer") throw invalid(`${source} is of a newer release (format ${reading.format})`);
  const { issues } = reading.error as z.ZodError;
  const faults = issues.map(({ path, message }) => `${toDotPath(path)} ${message}`.trim());
  throw invalid(`${source} is not a host spec: ${faults.join("; ")}`);
}

/** @param text stdin: one JSON object, or nothing. No part of it gets into a message. */
export function parseSecrets(text: string): Secrets {
  if (text.trim() === "") return {};
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    throw invalid("The secrets on stdin are not JSON");
  }
  const secrets = secretsSchema.safeParse(data);
  if (!secrets.success) throw invalid("The secrets on stdin are not one JSON object of texts by name");
  return secrets.data;
}

/** The spec that came with the secrets. @throws HoldfastError HF_CONFIG_INVALID */
export function specFrom(stdin: Secrets): HostSpec {
  const text = stdin[specOnStdin.name];
  if (text === undefined) throw invalid("stdin has no spec");
  return parseSpec(text, "The spec on stdin");
}

/** @throws HoldfastError HF_CONFIG_INVALID when the spec names a secret that was not given. */
export function requireSecrets(spec: HostSpec, secrets: Secrets): void {
  const named = [
    ...spec.secretFiles.map(({ secret }) => secret),
    ...spec.credentials.map(({ secret }) => secret),
    ...(spec.acl === undefined ? [] : [spec.acl.managementSecret]),
    ...(spec.acl?.tokens ?? []).flatMap((token) => [token.accessorSecret, token.secret]),
  ];
  const missing = [...new Set(named)].filter((name) => secrets[name] === undefined);
  if (missing.length > 0)
    throw invalid(`The spec of ${spec.host} ${spec.concern} names secrets that stdin has not: ${missing.join(", ")}`);
}

/** @throws HoldfastError HF_USAGE */
export function parseConcern(text: string): Concern {
  const concern = concerns.find((known) => known === text);
  if (concern === undefined)
    throw new HoldfastError("HF_USAGE", `${text} is not a concern; there are ${concerns.join(", ")}.`);
  return concern;
}

/** A spec that wants nothing: converging to it removes the concern. */
export function emptySpec(host: string, concern: Concern): HostSpec {
  return hostSpecSchema.parse({ host, concern });
}

function invalid(message: string): HoldfastError {
  return new HoldfastError("HF_CONFIG_INVALID", `${message}.`, {
    next: "The plan writes the spec: update holdfast on both sides, then run pulumi up again.",
  });
}
