/**
 * Consul's answers come late, for machines whose kernel cannot delay packets (delay.ts): a small proxy on
 * the host, into which the host's packet filter turns the connections to Consul's API or RPC. It passes on
 * every byte, later. Gossip is not a stream, and goes on as before.
 *
 * Awkward case: only new connections are turned, so the standing ones are ended with a reset.
 */
import { HoldfastError } from "../../contract/errors.ts";
import { paths, ports } from "../../contract/paths.ts";
import type { Lab, LabHost } from "../hosts/description.ts";
import { hostIsOff, isFrozen, isOn } from "../hosts/power.ts";
import { onHost } from "../hosts/ssh.ts";
import type { FaultKind } from "./fault.ts";

/** Longer than any lease that the lab deploys (contract/timing.ts, leaseMs 6500). */
const lateMs = 8000;
/** Each way, so that a round trip takes twice as long. */
const slowMs = 1000;

const unit = "lab-late-answers";
const script = "/run/lab-late-answers.mjs";
const table = "ip lab_late_answers";
/** Debian's user nobody: what the proxy itself sends must not be turned into it again. */
const nobody = 65534;
const firstPort = 18_500;

const proxy = `
import { connect, createServer } from "node:net";
const { targets, thereMs, backMs, handshakeToo } = JSON.parse(process.argv[2]);
const pass = (from, to, ms) => {
  const later = (act) => (ms() === 0 ? to.destroyed || act() : setTimeout(() => to.destroyed || act(), ms()));
  from.on("data", (data) => later(() => to.write(data)));
  from.on("end", () => later(() => to.end()));
  from.on("error", () => to.destroy());
  from.on("close", () => later(() => to.destroy()));
};
for (const { listen, host, port } of targets)
  createServer((client) => {
    const server = connect({ host, port });
    // The client's second message ends TLS's handshake and brings the first request.
    let messages = handshakeToo ? 2 : 0;
    client.on("data", () => messages++);
    pass(client, server, () => thereMs);
    pass(server, client, () => (messages < 2 ? 0 : backMs));
  }).listen(listen, "127.0.0.1");
`;

interface Flow {
  readonly port: number;
  /** Of whom the connections are turned; null: of everybody. */
  readonly uid: number | null;
}

interface Lateness {
  readonly thereMs: number;
  readonly backMs: number;
  /** Or only what follows TLS's handshake: then requests arrive, and their answers are late. */
  readonly handshakeToo: boolean;
  readonly flows: readonly Flow[];
}

/** What the proxy listens for, and the host's packet filter that turns it there. Pure. */
export function lateRules(addresses: readonly string[], flows: readonly Flow[]) {
  const targets = flows.flatMap((flow, f) =>
    addresses.map((host, a) => ({ ...flow, listen: firstPort + 100 * f + a, host })),
  );
  const who = ({ uid }: Flow) => (uid === null ? `meta skuid != ${nobody}` : `meta skuid ${uid}`);
  const rules = [
    `table ${table}`,
    `delete table ${table}`,
    `table ${table} {`,
    "  chain turn {",
    "    type nat hook output priority -100; policy accept;",
    ...targets.map((t) => `    ${who(t)} ip daddr ${t.host} tcp dport ${t.port} redirect to :${t.listen}`),
    "  }",
    "  chain end {",
    "    type filter hook output priority 5; policy accept;",
    ...flows.map((flow) => `    ${who(flow)} tcp dport ${flow.port} reject with tcp reset`),
    "  }",
    "}",
  ];
  return { targets, rules: `${rules.join("\n")}\n` };
}

/** One that stands still would keep SSH, and with it everybody else's faults, waiting. */
function requireAwake(lab: Lab, host: LabHost): void {
  if (isFrozen(lab, host.name))
    throw new HoldfastError("HF_LAB", `${host.name} is frozen.`, { next: "Heal that first, or both at once." });
}

async function begin(lab: Lab, host: LabHost, { flows, ...lateness }: Lateness): Promise<void> {
  if (!isOn(lab, host.name)) throw hostIsOff(lab, host.name);
  requireAwake(lab, host);
  // Its own Consul is one of the ways too.
  const addresses = ["127.0.0.1", ...lab.hosts.map(({ address }) => address)];
  const { targets, rules } = lateRules(addresses, flows);
  const settings = JSON.stringify({ targets, ...lateness });
  await onHost(lab, host, `cat > ${script}`, { input: proxy });
  const run = `systemd-run --quiet --collect --unit=${unit} --uid=${nobody} ${paths.node} ${script}`;
  await onHost(lab, host, `systemctl stop ${unit} 2>/dev/null; ${run} '${settings}' && sleep 0.3`);
  await onHost(lab, host, "nft -f -", { input: rules });
}

async function end(lab: Lab, host: LabHost): Promise<void> {
  if (!isOn(lab, host.name)) return;
  requireAwake(lab, host);
  await onHost(lab, host, `nft -f - && systemctl stop ${unit} 2>/dev/null; rm -f ${script}`, {
    input: `table ${table}\ndelete table ${table}\n`,
  });
}

const kind = (name: string, sentence: string, lateness: Lateness): FaultKind => ({
  name,
  sentence,
  needs: "holdfast on the host",
  lasting: true,
  inject: async ({ lab, host }) => await begin(lab, host, lateness),
  heal: async ({ lab, host }) => await end(lab, host),
});

/** The agent is root's. */
const agentOnly = { port: ports.consulHttps, uid: 0 };

export const answersKinds: readonly FaultKind[] = [
  kind("late-answers", `Every answer of every Consul to the host's agent comes ${lateMs / 1000} s late.`, {
    thereMs: 0,
    backMs: lateMs,
    handshakeToo: false,
    flows: [agentOnly],
  }),
  kind("slow-consul", `All that agent and Consul of the host say to Consul takes ${slowMs / 1000} s longer each way.`, {
    thereMs: slowMs,
    backMs: slowMs,
    handshakeToo: true,
    flows: [agentOnly, { port: ports.consulServerRpc, uid: null }],
  }),
];
