/** Small parts of which the specs are made. */
import { posix } from "node:path";
import stringify from "json-stringify-pretty-compact";
import { paths, units } from "../../contract/paths.ts";
import type { HostSpecInput } from "../../contract/wire/host-spec.ts";

type File = NonNullable<HostSpecInput["files"]>[number];

export function textFile(path: string, lines: readonly string[], options: Partial<File> = {}): File {
  return { path, mode: "0644", ...options, lines: [...lines] };
}

/**
 * Pretty, so that a preview's diff shows the setting that changed. As it was in every release: where the text of a file changes,
 * what reads it is restarted.
 */
export function jsonFile(path: string, value: unknown, options: Partial<File> = {}): File {
  return textFile(path, JSON.stringify(value, null, 2).split("\n"), options);
}

/** Likewise, with a line for each peer instead of four: for files that grow with the cluster, and whose text restarts nothing. */
export function shortJsonFile(path: string, value: unknown): File {
  return textFile(path, stringify(value, { maxLength: 120 }).split("\n"));
}

export function unitFile(name: string, lines: readonly string[]): File {
  return textFile(`/etc/systemd/system/${name}`, ["# Made by holdfast; changes are overwritten.", ...lines]);
}

/**
 * How the unit of a network service begins, down to its `[Service]`: behind the host's firewall, and never given up on.
 * @param places without whose file systems it does not start
 */
export function serviceHead(description: string, places: readonly string[]): string[] {
  return [
    "[Unit]",
    `Description=holdfast: ${description}`,
    "Wants=network-online.target",
    `After=network-online.target ${units.firewall}`,
    `RequiresMountsFor=${places.join(" ")}`,
    "StartLimitIntervalSec=0",
    "",
    "[Service]",
  ];
}

/** Where the sealed credential `name` rests. */
export function credentialPath(name: string): string {
  return posix.join(paths.credentials, `${name}.cred`);
}

/** The unit's line that unseals the credential `name`. */
export function loadCredential(name: string): string {
  return `LoadCredentialEncrypted=${name}:${credentialPath(name)}`;
}
