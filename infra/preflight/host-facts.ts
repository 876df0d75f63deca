/**
 * What a host says of itself before anything is done to it. One POSIX shell script, sent on stdin,
 * prints `name=value` lines; here they become facts. It changes nothing.
 */
import * as z from "zod";
import { credentials, firewallManagers, paths, users } from "../../contract/paths.ts";
import type { Host } from "../config/topology.ts";
import type { HostSecretTexts } from "../secrets/adopted.ts";

export interface Question {
  /** Addresses of the other hosts. */
  readonly peers: readonly string[];
  /** Id of the deployment whose secrets are to be told, by a host that belongs to it or did; null: by none. */
  readonly adopt: string | null;
}

/** What `sh -s` runs, as root, with what sshd put into SSH_CONNECTION as its argument. */
export function scriptFor({ peers, adopt }: Question): string {
  return `PEERS='${peers.join(" ")}' ADOPT='${adopt ?? ""}'\n${factsScript}`;
}

const begin = `
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
fact() { printf '%s=%s\\n' "$1" "$2"; }
b64() { test -f "$1" && base64 -w0 "$1"; }
`;
const ownerLines = `
fact identity "$(b64 ${paths.deployment})"
fact authorities "$(b64 ${paths.caCertificate})"
fact authoritySince "$(stat -c %Y ${paths.caCertificate} 2>/dev/null)"
fact agentConfig "$(b64 ${paths.agentConfig})"
`;
/** Only whose the host is; for any POSIX sh, as root. */
export const ownerScript = `${begin}${ownerLines}`;

/** Lines for what the host lacks are empty. */
const factsScript = `${begin}
unsealed() {
  if [ -f ${paths.unsealed}/$1 ]; then b64 ${paths.unsealed}/$1
  else systemd-creds decrypt --name=$1 ${paths.credentials}/$1.cred - 2>/dev/null | base64 -w0; fi
}
if [ -x ${paths.holdfastd} ]; then timeout 15 ${paths.holdfastd} check --all --mendable >/dev/null 2>&1 || fact drifted yes; fi &
set -- $1
fact client "$1"
fact sshPort "$4"
fact time "$(date +%s.%N)"
fact uid "$(id -u)"
fact machine "$(uname -m)"
fact os "$(. /etc/os-release 2>/dev/null; printf %s "$PRETTY_NAME")"
fact init "$(cat /proc/1/comm)"
fact systemd "$(systemctl --version 2>/dev/null | sed -n '1s/^systemd \\([0-9]*\\).*/\\1/p')"
fact nft "$(nft list tables >/dev/null 2>&1 && echo yes)"
fact perl "$(test -x /usr/bin/perl && echo yes)"
fact run "$(stat -f -c %T /run)"
free() { df -Pk "$1" 2>/dev/null || df -Pk "$2"; }
fact varFreeKb "$(free ${paths.state} /var/lib | awk 'NR == 2 { print $4 }')"
fact chainFreeKb "$(free ${paths.neardHome} /var/lib | awk 'NR == 2 { print $4 }')"
fact optFreeKb "$(free ${paths.opt} /opt | awk 'NR == 2 { print $4 }')"
wanted() {
  awk '$1 !~ /^#/ && ($2 "/") ~ "^${paths.neardHome}/" { print $2 }' /etc/fstab 2>/dev/null
  sed -n 's/.*"AssertPathIsMountPoint=\\([^"]*\\)".*/\\1/p' ${paths.specs}/neard.json 2>/dev/null
}
fact unmounted "$(wanted | sort -u | while read -r at; do mountpoint -q "$at" || echo "$at"; done | tr '\\n' ' ')"
fact homeKind "$(stat -c %F ${paths.neardHome} 2>/dev/null)"
fact homeHolds "$(ls -A ${paths.neardHome} 2>/dev/null | grep -vx 'lost+found' | head -n 5 | tr '\\n' ' ')"
fact oldUsers "$(getent passwd ${users.neard} ${users.consul} | cut -d: -f1 | tr '\\n' ' ')"
fact oldProcesses "$(pgrep -u ${users.neard} -d ' ' 2>/dev/null)"
fact oldUnits "$(for unit in neard holdfastd holdfast-consul; do systemctl show -p FragmentPath --value $unit.service 2>/dev/null; done | grep . | tr '\\n' ' ')"
fact sources "$(for peer in $PEERS; do echo "$peer/$(ip -o route get "$peer" 2>/dev/null | sed -n 's/.* src \\([^ ]*\\).*/\\1/p')"; done 2>/dev/null | tr '\\n' ' ')"
fact routes "$(command -v ip >/dev/null && echo yes)"
${ownerLines}
authority() { sed '/END CERTIFICATE/q' ${paths.caCertificate} | grep -v -e ----- | base64 -d | sha256sum | cut -c1-16; }
if [ -n "$ADOPT" ] && { grep -q "\\"$ADOPT\\"" ${paths.deployment} 2>/dev/null || [ "hf-$(authority 2>/dev/null)" = "$ADOPT" ]; }; then
  fact consulSecrets "$(unsealed ${credentials.consulSecrets})"
  fact tlsKey "$(unsealed ${credentials.tlsKey})"
  fact certificate "$(b64 ${paths.hostCertificate})"
  fact nodeKey "$(b64 ${paths.neardHome}/node_key.json)"
fi
fact addresses "$(hostname -I 2>/dev/null)"
fact managed "$(test -e /etc/holdfast && echo yes)"
fact bare "$(test -e ${paths.etc} || test -e ${paths.state} || echo yes)"
fact firewalls "$(for unit in ${firewallManagers.join(" ")}; do systemctl is-active --quiet $unit 2>/dev/null && printf '%s, ' $unit; done; grep -qi '^ENABLED=yes' /etc/ufw/ufw.conf 2>/dev/null && printf 'ufw, '; nft list chains 2>/dev/null | awk '/^table/ { table = $2 " " $3 } /^[ \t]+chain/ { chain = $2 } /hook input .*policy drop/ && table !~ /^inet holdfast/ { printf "nftables table %s with chain %s, ", table, chain }')"
fact listening "$(awk '($4 == "0A" || FILENAME ~ /udp/) && $2 ~ /:/ { sub(/.*:/, "", $2); print $2 }' /proc/net/tcp /proc/net/tcp6 /proc/net/udp /proc/net/udp6 2>/dev/null | sort -u | tr '\\n' ' ')"
wait
`;

const words = z.string().transform((text) => text.split(/\s+/).filter(Boolean));
const base64 = z
  .string()
  .default("")
  .transform((text) => Buffer.from(text, "base64").toString("utf8"));
const yes = z.string().transform((text) => text === "yes");

const factsSchema = z.object({
  /** Seconds since 1970 on the host's clock. */
  time: z.coerce.number(),
  uid: z.coerce.number().int(),
  /** `uname -m` */
  machine: z.string(),
  os: z.string(),
  /** Name of process 1. */
  init: z.string(),
  /** 0: none. */
  systemd: z.coerce.number().int(),
  nft: yes,
  perl: yes,
  /** Type of the file system at /run. */
  run: z.string(),
  varFreeKb: z.coerce.number(),
  /** Where neard's data goes. */
  chainFreeKb: z.coerce.number(),
  optFreeKb: z.coerce.number(),
  /** At neard's home or below, in fstab or mounted when the host was deployed, and not mounted now. */
  unmounted: words,
  /** `stat`'s word for what is at neard's home; empty: nothing is. */
  homeKind: z.string(),
  /** The first names that are in neard's home. */
  homeHolds: words,
  /** Users of ours that are there. */
  oldUsers: words,
  /** Processes of the user neard. */
  oldProcesses: words,
  /** Unit files with our names. */
  oldUnits: words,
  /** `peer/source`: from which address the host connects to each of the others; `peer/` has no route. */
  sources: words,
  /** It could say so. */
  routes: yes,
  /** Texts of files; empty where they are not there. */
  identity: base64,
  authorities: base64,
  agentConfig: base64,
  /** Seconds since 1970: when the authorities were put there; 0: they are not. */
  authoritySince: z.coerce.number(),
  /** Only where they were asked for and the host is of that deployment. */
  consulSecrets: base64,
  tlsKey: base64,
  certificate: base64,
  nodeKey: base64,
  addresses: words,
  /** An earlier run was here. */
  managed: yes,
  /** Nothing of ours is here, not even the folder for uploads. */
  bare: yes,
  /** `holdfastd check` cannot say that it still is what was last deployed: it differs in what an apply mends, or one was cut short. */
  drifted: yes.default(false),
  /** Who else manages packet filter rules there, in words. */
  firewalls: z.string().transform((text) => text.replace(/[, ]+$/, "")),
  /** Ports on which something listens, TCP and UDP alike. */
  listening: words.transform((ports) => ports.map((hex) => Number.parseInt(hex, 16))),
  /** The address from which this machine reaches the host, as the host sees it. */
  client: z.string(),
  /** The port of its own on which it was reached; 0: it does not say. */
  sshPort: z.coerce.number().int(),
});

export type HostFacts = z.infer<typeof factsSchema>;

const ownerSchema = factsSchema.pick({ identity: true, authorities: true, agentConfig: true, authoritySince: true });
/** Whose the host is. */
export type OwnerFacts = z.infer<typeof ownerSchema>;

/** What one host answered, and how far its clock is from ours. */
export interface HostReport {
  readonly host: Host;
  readonly facts: HostFacts;
  /** The host's clock minus ours; the true value is within `uncertaintyMs` of it. */
  readonly clockOffsetMs: number;
  readonly uncertaintyMs: number;
}

/** Secret: what a host has that is being adopted; null where it told none. */
export function secretsIn(facts: HostFacts): HostSecretTexts | null {
  const { consulSecrets, tlsKey, certificate, authorities, nodeKey } = facts;
  if (consulSecrets === "" || tlsKey === "" || certificate === "") return null;
  return { consulSecrets, tlsKey, certificate, authorities, nodeKey };
}

/** Undefined when the output is not the script's: it did not run, or not to its end. */
export function parseFacts(output: string): HostFacts | undefined {
  return factsSchema.safeParse(valuesIn(output)).data;
}

/** What `ownerScript` printed; undefined as above. */
export function parseOwner(output: string): OwnerFacts | undefined {
  return ownerSchema.safeParse(valuesIn(output)).data;
}

function valuesIn(output: string): Record<string, string> {
  const lines = output.split("\n").map((line): [string, string] => {
    const equals = line.indexOf("=");
    return [line.slice(0, Math.max(equals, 0)), line.slice(equals + 1)];
  });
  return Object.fromEntries(lines);
}
