/**
 * The texts of the commands that run on hosts, pure. Kept short and constant around the spec, for a
 * preview shows them, and an error repeats them. Secrets are never in them; they come on stdin.
 */
import { posix } from "node:path";
import type { Concern, HostSpecInput } from "../../contract/host-spec.ts";
import { paths } from "../../contract/paths.ts";
import { shellWords } from "../../toolchain/shell-words.ts";
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

/** Makes the folder for uploads, writable by the user who copies. */
export function prepareCommand(user: string): string {
  return asRoot(
    user,
    minute,
    `install -d -m 0755 ${paths.state}\ninstall -d -m 0755 -o ${shellWords([user])} ${paths.upload}`,
  );
}

/** The last thing that is done to a host that leaves. */
export function wipeCommand(user: string): string {
  const all = [paths.opt, paths.etc, paths.state, paths.run, paths.keyDirectory, paths.convergeLock, paths.digests];
  return asRoot(user, 2 * minute, `rm -rf ${all.join(" ")}`);
}

/**
 * Puts Node and the bundle in place: what all later commands run on. Each file is checked, then moved
 * over the old one; a running agent keeps the one that it has open.
 * @param wanted every artifact of the host: uploads of earlier versions are deleted.
 */
export function runtimeCommand(
  user: string,
  runtime: { readonly node: Artifact; readonly holdfastd: Artifact },
  wanted: readonly Artifact[],
): string {
  const keep = wanted.map((artifact) => posix.basename(uploadPath(artifact))).join(" | \\\n  ");
  return asRoot(
    user,
    5 * minute,
    `install -d -m 0755 ${posix.dirname(paths.node)} ${posix.dirname(paths.bundle)}
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
unpack ${uploadPath(runtime.holdfastd)} ${runtime.holdfastd.sha256} ${paths.bundle}
cat > ${paths.holdfastd}.new <<\\WRAPPER
#!/bin/sh
exec ${paths.node} --max-old-space-size=128 ${paths.bundle} "$@"
WRAPPER
chmod 0755 ${paths.holdfastd}.new
mv ${paths.holdfastd}.new ${paths.holdfastd}
cd ${paths.upload}
for file in *.gz; do
  case "$file" in
  ${keep}) ;;
  *) rm -f "$file" ;;
  esac
done`,
  );
}

/** `holdfastd` as root. Without a single quote inside, so that it fits between two of them. */
function holdfastd(user: string, command: string): string {
  return user === "root" ? command : `sudo -n sh -c '${command}'`;
}

/**
 * @param seconds `others`: what all other hosts together may take before this one; `own`: what this apply itself may
 * take. It keeps both bounds by itself, and has words for them; `timeout` is for one that hangs.
 */
export function applyCommand(
  user: string,
  spec: HostSpecInput,
  { others, own }: { readonly others: number; readonly own: number },
): string {
  // JSON may say a single quote by its number; see holdfastd().
  const json = JSON.stringify(spec, null, 2).replaceAll("'", "\\u0027");
  const seconds = others + own + 2 * minute;
  return holdfastd(
    user,
    `timeout --kill-after=10 ${seconds} ${paths.holdfastd} apply --spec /dev/fd/3 --others-within ${others} 3<<\\HOLDFAST_SPEC ${orSay(seconds)}\n${json}\nHOLDFAST_SPEC\n`,
  );
}

/** Run on another host, when `host` is clean. Where that one is no host of ours any more there is nothing to take back. */
export function revokeCommand(user: string, host: string): string {
  const revoke = `revoke --host ${host} --management-secret ${clusterSecrets.managementToken}`;
  return holdfastd(
    user,
    `test ! -x ${paths.holdfastd} || timeout --kill-after=10 ${2 * minute} ${paths.holdfastd} ${revoke}`,
  );
}

export function removeCommand(user: string, concern: Concern): string {
  const seconds = 5 * minute;
  return holdfastd(
    user,
    `timeout --kill-after=10 ${seconds} ${paths.holdfastd} remove --concern ${concern} ${orSay(seconds)}`,
  );
}
