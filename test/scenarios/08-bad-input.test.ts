/** Bad input: one clear message that names the setting or host, and no host is changed. As in issue 3, one by one. */
import { afterEach, beforeAll, expect, test } from "vitest";
import type { Document } from "yaml";
import { generateValidatorKey, keyFileJson } from "../../contract/near-key.ts";
import { paths, ports, units } from "../../contract/paths.ts";
import { addHosts, removeHost } from "../../lab/hosts/lab.ts";
import { agentStatus, expectOneSigner, fresh, hostOf, lab, labName, on, pulumiWith } from "./cluster.ts";
import { changeSettings, changesOf, keepSettings, setting } from "./settings.ts";

keepSettings({ applied: false });

const comer = "host-d";
const hostC = "host-c";
const stranger = "hf-0123456789abcdef";
/** What host-c said of its owner before a case made it another's. */
let owner = "";
let active: string;
let epoch: number | null;

beforeAll(async () => {
  ({ active } = await fresh());
  ({ epoch } = await agentStatus(active));
});

afterEach(async () => {
  if (lab().hosts.some((host) => host.name === comer)) await removeHost(labName, comer);
  if (owner !== "") await on(hostC, `cat > ${paths.deployment} <<'OWNER'\n${owner}\nOWNER`);
  owner = "";
});

/** `holdfast:hosts[position]`, in the order host-a, host-b, host-c. */
const hostSetting = (position: number, name: string, value: unknown) => setting("hosts", position, name)(value);
const secretly = async (key: string, value: string) => {
  const { code, stderr } = await pulumiWith({}, "config", "set", "--secret", "--path", key, value);
  expect(code, stderr).toBe(0);
};
const freeAddress = () => lab().gateway.replace(/\.\d+$/, ".250");

interface Case {
  readonly break: () => void | Promise<void>;
  /** `up` where hosts have to be looked at; a preview is quicker. */
  readonly run: "up" | "preview";
  readonly environment?: Record<string, string>;
  /** Sentence, and what to do. */
  readonly says: () => readonly string[];
}

const cases: Record<string, Case> = {
  "another SSH host key than the pinned one": {
    break: () => hostSetting(2, "hostKey", hostOf("host-a").hostKey),
    run: "up",
    says: () => [
      `host-c (${hostOf("host-c").address}) shows another SSH host key than the pinned one`,
      "If the host was set up anew, pin its new hostKey",
    ],
  },
  "a host that nobody answers for": {
    break: () => hostSetting(2, "address", freeAddress()),
    run: "up",
    says: () => [`host-c cannot be reached at root@${freeAddress()} port 22`, "Check that it has power and network"],
  },
  "no validator key": {
    break: () => setting("validatorKey")(undefined),
    run: "preview",
    says: () => ["holdfast:validatorKey is missing", "pulumi config set --secret holdfast:validatorKey"],
  },
  "a validator key that is none": {
    break: () => secretly("holdfast:validatorKey", "not a key"),
    run: "preview",
    says: () => ["holdfast:validatorKey is not JSON"],
  },
  "the validator key of another account": {
    break: () => secretly("holdfast:validatorKey", keyFileJson(generateValidatorKey("other.near"))),
    run: "preview",
    says: () => [
      "holdfast:validatorKey is for the account other.near, but holdfast:validator.account is",
      "pulumi config set --path holdfast:validator.account other.near",
    ],
  },
  "a validator key whose halves do not match": {
    break: () => {
      const key = { ...generateValidatorKey("a.near"), publicKey: generateValidatorKey("a.near").publicKey };
      return secretly("holdfast:validatorKey", keyFileJson(key));
    },
    run: "preview",
    says: () => ["holdfast:validatorKey has halves that do not match"],
  },
  "a validator key in clear": {
    break: () => setting("validatorKey")(keyFileJson(generateValidatorKey(lab().chain?.account ?? ""))),
    run: "preview",
    says: () => ["holdfast:validatorKey is in the stack's file in clear", "pulumi config set --secret"],
  },
  "a lease that breaks the timing rule": {
    break: () => setting("lease")({ leaseMs: 12_000 }),
    run: "preview",
    says: () => ["holdfast:lease: leaseMs 12000", "takeoverMs 7000", "the defaults do"],
  },
  "an unknown setting": {
    break: () => setting("lease")({ leasMs: 6000 }),
    run: "preview",
    says: () => ["holdfast:lease.leasMs is not a setting", "Did you mean leaseMs?"],
  },
  "two Consul hosts": {
    break: () => hostSetting(1, "roles", ["neard"]),
    run: "preview",
    says: () => [
      "holdfast:hosts has 2 with the role consul (host-a, host-c); a majority that survives one loss needs 3",
      "Give the role consul to more hosts",
    ],
  },
  "one neard host": {
    break: () => hostSetting(1, "roles", ["consul"]),
    run: "preview",
    says: () => ["holdfast:hosts has 1 with the role neard (host-a)", "Give the role neard to another host."],
  },
  "one address for two hosts": {
    break: () => hostSetting(1, "address", hostOf("host-a").address),
    run: "preview",
    says: () => [
      `the address ${hostOf("host-a").address} 2 times (host-a, host-b)`,
      "Give every host its own address.",
    ],
  },
  "an artifact with another checksum": {
    break: () => setting("neard", "artifact", "sha256")("0".repeat(64)),
    run: "preview",
    says: () => ["holdfast:neard.artifact", `pinned is ${"0".repeat(64)}`, "pin its checksum"],
  },
  "the lab's neard on a public network": {
    break: () => {
      setting("network")("testnet");
      setting("neard", "chainId")(undefined);
    },
    run: "preview",
    says: () => [
      "holdfast:neard.artifact is the lab's neard, which validates nothing, but holdfast:network is testnet",
      "Give the official neard of the release.",
    ],
  },
  "a wrong passphrase": {
    break: () => {},
    run: "preview",
    environment: { PULUMI_CONFIG_PASSPHRASE: "wrong" },
    says: () => ["incorrect passphrase"],
  },
  "a fresh host where a port is in use": {
    break: async () => {
      await addComer();
      // The machine has no listener of its own but systemd's.
      await on(comer, `systemd-run --quiet systemd-socket-activate --listen=0.0.0.0:${ports.consulHttps} /bin/true`);
    },
    run: "up",
    says: () => [
      `${comer} (${hostOf(comer).address}) has something listening on port ${ports.consulHttps}`,
      `ss -tulpn on ${comer} shows what it is`,
    ],
  },
  "a host of another deployment": {
    break: () => rewriteOwner(hostC, /hf-[0-9a-f]{16}/, stranger),
    run: "up",
    says: () => [
      `host-c (${hostOf("host-c").address}) belongs to the deployment ${stranger} (stack organization/holdfast/`,
      `pulumi config set holdfast:adopt ${stranger}`,
    ],
  },
  "a fresh host without nftables": {
    break: async () => {
      await addComer();
      await on(comer, "mv /usr/sbin/nft /usr/sbin/nft.away");
    },
    run: "up",
    says: () => [`${comer} (${hostOf(comer).address}) has no working nftables`, "Install the package nftables"],
  },
};

async function rewriteOwner(host: string, from: RegExp, to: string): Promise<void> {
  owner = await on(host, `cat ${paths.deployment}`);
  await on(host, `cat > ${paths.deployment} <<'OWNER'\n${owner.replace(from, to)}\nOWNER`);
}

async function addComer(): Promise<void> {
  await addHosts(labName, [comer], () => {});
  const { address, hostKey } = hostOf(comer);
  changeSettings((file: Document) => {
    file.addIn(["config", "holdfast:hosts"], file.createNode({ name: comer, address, hostKey, roles: ["neard"] }));
  });
}

test.for(Object.entries(cases))("%s", async ([name, bad]) => {
  await bad.break();
  const args = bad.run === "up" ? ["up", "--yes", "--skip-preview"] : ["preview"];
  const outcome = await pulumiWith(bad.environment ?? {}, ...args);
  const said = outcome.stdout + outcome.stderr;
  if (process.env.HOLDFAST_SHOW_MESSAGES === "1") console.log(`--- ${name}\n${said}`);
  expect(outcome.code, said).not.toBe(0);
  for (const words of bad.says()) expect(said).toContain(words);
  expect(said, "a stack trace helps nobody").not.toMatch(/^\s+at .*:\d+:\d+\)?$/m);
  expect(changesOf(outcome)).toEqual([]);
});

test("a host takes nothing down for another deployment, nor for nobody", async () => {
  const deployed = async () =>
    await on(active, `systemctl is-active ${units.agent} ${units.neard}; ls ${paths.credentials}`);
  const before = await deployed();
  for (const by of ["", `--deployment ${stranger}`])
    for (const what of ["--concern agent", "--concern system", "--all"]) {
      const refused = await on(active, `${paths.holdfastd} remove ${what} ${by} 2>&1; true`);
      expect(refused).toContain("HF_HOST_FOREIGN");
    }
  expect(await deployed()).toBe(before);
});

test("through all of it the validator signed, and nothing moved", async () => {
  expect(await agentStatus(active)).toMatchObject({ role: "active", epoch });
  const report = await expectOneSigner();
  expect(Object.keys(report.byHost)).toEqual([active]);
  expect(report.missed + report.missedEndorsements, `missed heights ${report.missedHeights.join(", ")}`).toBe(0);
});
