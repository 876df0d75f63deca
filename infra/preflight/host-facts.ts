/**
 * What a host says of itself before anything is done to it. One POSIX shell script, sent on stdin,
 * prints `name=value` lines; here they become facts. It changes nothing.
 */
import * as z from "zod";
import { paths } from "../../contract/paths.ts";

/** `sh -s` runs it, as root, with what sshd put into SSH_CONNECTION as its argument. Lines for what the host lacks are empty. */
export const factsScript = `
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
fact() { printf '%s=%s\\n' "$1" "$2"; }
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
fact varFreeKb "$(df -Pk /var/lib | awk 'NR == 2 { print $4 }')"
fact optFreeKb "$(df -Pk /opt | awk 'NR == 2 { print $4 }')"
fact addresses "$(hostname -I 2>/dev/null)"
fact managed "$(test -e /etc/holdfast && echo yes)"
fact listening "$(awk '($4 == "0A" || FILENAME ~ /udp/) && $2 ~ /:/ { sub(/.*:/, "", $2); print $2 }' /proc/net/tcp /proc/net/tcp6 /proc/net/udp /proc/net/udp6 2>/dev/null | sort -u | tr '\\n' ' ')"
wait
`;

const words = z.string().transform((text) => text.split(/\s+/).filter(Boolean));
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
  optFreeKb: z.coerce.number(),
  addresses: words,
  /** An earlier run was here. */
  managed: yes,
  /** `holdfastd check` cannot say that it still is what was last deployed: it differs in what an apply mends, or one was cut short. */
  drifted: yes.default(false),
  /** Ports on which something listens, TCP and UDP alike. */
  listening: words.transform((ports) => ports.map((hex) => Number.parseInt(hex, 16))),
  /** The address from which this machine reaches the host, as the host sees it. */
  client: z.string(),
  /** The port of its own on which it was reached; 0: it does not say. */
  sshPort: z.coerce.number().int(),
});

export type HostFacts = z.infer<typeof factsSchema>;

/** Undefined when the output is not the script's: it did not run, or not to its end. */
export function parseFacts(output: string): HostFacts | undefined {
  const lines = output.split("\n").map((line): [string, string] => {
    const equals = line.indexOf("=");
    return [line.slice(0, Math.max(equals, 0)), line.slice(equals + 1)];
  });
  return factsSchema.safeParse(Object.fromEntries(lines)).data;
}
