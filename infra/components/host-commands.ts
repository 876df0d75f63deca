/**
 * The texts of the commands that run on hosts, pure. Kept short and constant around the spec, for a
 * preview shows them, and an error repeats them. Secrets are never in them; they come on stdin.
 */
import { createHash } from "node:crypto";
import { posix } from "node:path";
import { bundlePath, paths, units } from "../../contract/paths.ts";
import { shellWords } from "../../contract/shell-words.ts";
import { type Concern, type HostSpecInput, specOnStdin } from "../../contract/wire/host-spec.ts";
import type { Claim } from "../../contract/wire/identity.ts";
import { clusterSecrets } from "../plan/secret-names.ts";
import { type Artifact, uploadPath } from "../plan/uploads.ts";

/** Nothing may hang for ever: Pulumi itself has no limit for a command. */
const minute = 60;

/** `timeout` says nothing when it ends a command: 124, or 137 where it had to kill it. */
function orSay(seconds: number): string {
  const words = `It did not end within ${seconds} s: the host may be overloaded, or its disk may hang. Look at it, then run pulumi up again (HF_TIMEOUT).`;
  return `|| { code=$?; case $code in 124|137) echo "${words}" >&2;; esac; exit $code; }`;
}

/** Runs a script as root, the script on stdin. */
function asRoot(user: string, timeoutSeconds: number, script: string): string {
  const sudo = user === "root" ? "" : "sudo -n ";
  return `${sudo}timeout ${timeoutSeconds} sh -eu <<\\HOLDFAST_SCRIPT ${orSay(timeoutSeconds)}\n${script}\nHOLDFAST_SCRIPT`;
}

/** The same within a command that has something else on stdin. */
const scriptOnFd = (seconds: number, script: string) =>
  `timeout ${seconds} sh -eu /dev/fd/4 4<<\\HOLDFAST_SCRIPT </dev/null ${orSay(seconds)}\n${script}\nHOLDFAST_SCRIPT`;

/** Ids of the deployments that a host may belong to: this one, and the one whose hosts it adopts. */
export type Owners = readonly [own: string, ...adopted: string[]];

export const ownersOf = ({ id, adopt }: Pick<Claim, "id" | "adopt">): Owners => [
  id,
  ...(adopt === undefined ? [] : [adopt]),
];

/**
 * Ends the script on a host of another deployment. `holdfastd` and the preflight say it better; here it keeps a stranger
 * from replacing or wiping holdfastd itself. See contract/deployment.ts for what an id is.
 */
function onlyOn(owners: Owners): string {
  return `owner=$(sed -n "s/^ *\\"id\\": \\"\\(hf-[0-9a-f]*\\)\\".*/\\1/p" ${paths.deployment} 2>/dev/null || true)
if [ -z "$owner" ] && [ -f ${paths.caCertificate} ]; then
  owner=hf-$(sed "/END CERTIFICATE/q" ${paths.caCertificate} | grep -v -e ----- | base64 -d | sha256sum | cut -c1-16)
fi
case "$owner" in
"" | ${owners.join(" | ")}) ;;
*)
  echo "This host belongs to the deployment $owner, not to ${owners[0]}; nothing was changed (HF_HOST_FOREIGN)" >&2
  exit 1
  ;;
esac
`;
}

/** Makes the folder for uploads, writable by the user who copies. */
export function prepareCommand(user: string, owners: Owners): string {
  const folders = `install -d -m 0755 ${paths.state}\ninstall -d -m 0755 -o ${shellWords([user])} ${paths.upload}`;
  return asRoot(user, minute, onlyOn(owners) + folders);
}

/**
 * The last thing that is done to a host that leaves. Usually nothing is left by then; of a host on which an apply failed
 * the stack does not know what is there, but holdfastd does.
 */
export function wipeCommand(user: string, own: string): string {
  const all = [paths.opt, paths.etc, paths.state, paths.run, paths.keyDirectory, paths.convergeLock, paths.digests];
  return asRoot(
    user,
    10 * minute,
    `${onlyOn([own])}if ${paths.holdfastd} remove --help 2>/dev/null | grep -q -e --all; then
  ${paths.holdfastd} remove --all --deployment ${own}
fi
for place in ${all.join(" ")}; do
  if mountpoint -q $place; then find $place -xdev -mindepth 1 -delete; else rm -rf $place; fi
done`,
  );
}

const agentUnitFile = `/etc/systemd/system/${units.agent}`;

/**
 * Puts Node and the bundle in place: what all later commands run on. Each file is checked, then moved
 * to its place. The bundle lies beside the others: the agent's unit names its own, and is switched later, with its
 * configuration. Others go, but for those that a unit or a process names, and the last one. For `applyCall`.
 * @param wanted every artifact of the host: uploads of earlier versions are deleted.
 * @param owners whose the host may be
 */
export function runtimeScript(
  runtime: { readonly node: Artifact; readonly holdfastd: Artifact },
  wanted: readonly Artifact[],
  owners: Owners,
): string {
  const bundle = bundlePath(runtime.holdfastd.sha256);
  const keep = wanted.map((artifact) => posix.basename(uploadPath(artifact))).join(" | \\\n  ");
  return `${onlyOn(owners)}umask 022
install -d -m 0755 ${paths.opt} ${posix.dirname(paths.node)} ${paths.lib}
unpack() {
  if [ -f "$3" ] && echo "$2  $3" | sha256sum --check --status; then return; fi
  gunzip -c "$1" > "$3.new"
  if ! echo "$2  $3.new" | sha256sum --check --status; then
    echo "$1 does not hold what was sent (HF_ARTIFACT_CHECKSUM)" >&2
    exit 1
  fi
  chmod 0755 "$3.new"
  mv "$3.new" "$3"
}
unpack ${uploadPath(runtime.node)} ${runtime.node.sha256} ${paths.node}
unpack ${uploadPath(runtime.holdfastd)} ${runtime.holdfastd.sha256} ${bundle}
cat > ${paths.holdfastd}.new <<\\WRAPPER
#!/bin/sh
exec ${paths.node} --max-old-space-size=128 ${bundle} "$@"
WRAPPER
chmod 0755 ${paths.holdfastd}.new
mv ${paths.holdfastd}.new ${paths.holdfastd}
last=
for file in $(ls -t ${paths.lib}/holdfastd*.cjs); do
  if [ "$file" = ${bundle} ] || grep -qsF "$file " ${agentUnitFile} || grep -qsF "$file" /proc/[0-9]*/cmdline; then continue; fi
  if [ -z "$last" ]; then last=$file; else rm -f "$file"; fi
done
cd ${paths.upload}
for file in *.gz; do
  case "$file" in
  ${keep}) ;;
  *) rm -f "$file" ;;
  esac
done`;
}

/** `holdfastd` as root. Without a single quote inside, so that it fits between two of them. */
function holdfastd(user: string, command: string): string {
  return user === "root" ? command : `sudo -n sh -c '${command}'`;
}

/** How a spec is handed over: in the command, where a preview shows its lines, or beside the secrets. */
export interface ApplyCall {
  readonly command: string;
  /** For stdin, by name; nothing where the command has it. */
  readonly stdin: Readonly<Record<string, string>>;
}

/**
 * A shell's whole text is one argument, of which Linux takes 128 KiB. Some specs grow with the cluster: that of the ACLs
 * reaches this at 60 hosts. The rest is for what is put in later (a node key) and around it.
 */
const mostInCommand = 96 * 1024;

/**
 * @param seconds `others`: what all other hosts together may take before this one; `own`: what this apply itself may
 * take. It keeps both bounds by itself, and has words for them; `timeout` is for one that hangs.
 * @param before a script, without a single quote, that comes before it; what it ends with ends the whole
 */
export function applyCall(
  user: string,
  spec: HostSpecInput,
  { others, own }: { readonly others: number; readonly own: number },
  before = "",
): ApplyCall {
  const seconds = others + own + 2 * minute;
  const first = before === "" ? "" : `${scriptOnFd(5 * minute, before)}\n`;
  const apply = `${first}timeout --kill-after=10 ${seconds} ${paths.holdfastd} apply`;
  const within = `--others-within ${others}`;
  // JSON may say a single quote by its number; see holdfastd().
  const json = JSON.stringify(spec, null, 2).replaceAll("'", "\\u0027");
  if (Buffer.byteLength(json) <= mostInCommand)
    return {
      command: holdfastd(
        user,
        `${apply} --spec /dev/fd/3 ${within} 3<<\\HOLDFAST_SPEC ${orSay(seconds)}\n${json}\nHOLDFAST_SPEC\n`,
      ),
      stdin: {},
    };
  // So that a preview shows that it is another one.
  const digest = createHash("sha256").update(json).digest("hex").slice(0, 16);
  const note = `# too long for a command: on stdin, sha256 ${digest}`;
  return {
    command: holdfastd(user, `${apply} --spec ${specOnStdin.option} ${within} ${orSay(seconds)} ${note}`),
    stdin: { [specOnStdin.name]: json },
  };
}

/** Of a holdfastd that does not know the command: an older one, put there by an older program, of which hosts that stay get rid so. */
const isKnown = (command: string) =>
  `${paths.holdfastd} ${command} --help 2>/dev/null | grep -q -e --management-secret`;

/** Run on another host, when `host` is clean. Where that one is no host of ours any more there is nothing to take back. */
export function revokeCommand(user: string, host: string): string {
  const seconds = 2 * minute;
  const revoke = `revoke --host ${host} --management-secret ${clusterSecrets.managementToken}`;
  return holdfastd(
    user,
    `! ${isKnown("revoke")} || timeout --kill-after=10 ${seconds} ${paths.holdfastd} ${revoke} ${orSay(seconds)}`,
  );
}

/** Run on every Consul server of a cluster that is adopted, at the same time. */
export function aclResetCommand(user: string): string {
  const seconds = 2 * minute;
  const reset = `acl-reset --management-secret ${clusterSecrets.managementToken}`;
  return holdfastd(user, `timeout --kill-after=10 ${seconds} ${paths.holdfastd} ${reset} ${orSay(seconds)}`);
}

/** Run on a Consul host once all hosts have the tokens that they have now. */
export function retireTokensCommand(user: string): string {
  const seconds = 2 * minute;
  const retire = `retire-tokens --management-secret ${clusterSecrets.managementToken}`;
  return holdfastd(user, `timeout --kill-after=10 ${seconds} ${paths.holdfastd} ${retire} ${orSay(seconds)}`);
}

/**
 * Run on a host that leaves, between its agent's and its Consul's removal.
 * @param own id of the deployment whose host it is
 */
export function leaveCommand(user: string, own: string): string {
  const seconds = 5 * minute;
  const leave = `leave-consul --management-secret ${clusterSecrets.managementToken} --deployment ${own}`;
  return holdfastd(
    user,
    `! ${isKnown("leave-consul")} || timeout --kill-after=10 ${seconds} ${paths.holdfastd} ${leave} ${orSay(seconds)}`,
  );
}

/** @param own id of the deployment whose host it is */
export function removeCommand(user: string, concern: Concern, own: string): string {
  const seconds = 5 * minute;
  return holdfastd(
    user,
    `timeout --kill-after=10 ${seconds} ${paths.holdfastd} remove --concern ${concern} --deployment ${own} ${orSay(seconds)}`,
  );
}
