/**
 * Promise `one-signer`, in the kernel alone: what a killed neard had still to send never gets out, not
 * even when the fence's table is removed later. Once a removed host sent a signature that way, 5.9 s
 * after its successor had begun (test/regressions.md).
 */
import { createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { armed, disarmed, fed, shut, spareMs } from "../../agent/fence/ruleset.ts";
import type { Lab } from "../../lab/hosts/description.ts";
import { downLab, upLab } from "../../lab/hosts/lab.ts";
import { run } from "../../lab/hosts/machine.ts";
import { countPayload } from "../../lab/hosts/payload.ts";
import { onHost } from "../../lab/hosts/ssh.ts";

/** Debian's user nobody stands in for neard's. */
const uid = 65534;
const labName = "fence";
const gateway6 = "fd77:9::1";

let lab: Lab;
let server: Server;
let heard = "";
let port = 0;

beforeAll(async () => {
  lab = await upLab(labName, () => {}, { hosts: ["host-x"] });
  server = createServer((socket) => {
    socket.setEncoding("utf8").on("data", (text: string) => {
      heard += text;
    });
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "::", resolve));
  port = (server.address() as { port: number }).port;
  // The lab speaks IPv4; these addresses go with its bridge and its host.
  await run("ip", ["address", "add", `${gateway6}/64`, "dev", lab.bridge, "nodad"]);
  await onX("ip address add fd77:9::11/64 dev host0 nodad");
  // The first lab on a machine makes the hosts' image.
}, 900_000);

afterAll(async () => {
  server?.close();
  await lose(null);
  await downLab(labName, () => {});
}, 60_000);

async function onX(command: string, input?: string): Promise<string> {
  const host = lab.hosts[0];
  if (host === undefined) throw new Error("the lab has no host");
  return await onHost(lab, host, command, input === undefined ? {} : { input });
}

const nft = async (rules: string) => await onX("nft -f -", `${rules}\n`);

/** A process of neard's user says `before` while fed, `late` after the shut, and is killed. `rules`: how it is fenced. */
async function leaveSomethingUnsent(rules: string): Promise<void> {
  heard = "";
  await nft(rules);
  await nft(fed(7, 5000, Date.now() + 60_000).replaceAll("; ", "\n"));
  const says = `echo $$ >/tmp/pid; exec 3<>/dev/tcp/${lab.gateway}/${port}; echo before >&3; until [ -e /run/go ]; do sleep 0.05; done; echo late >&3; : >/tmp/said; sleep 100`;
  await onX(
    `rm -f /run/go /tmp/said /tmp/pid; touch /tmp/pid; chmod 666 /tmp/pid; setpriv --reuid ${uid} --clear-groups setsid bash -c '${says}' </dev/null >/dev/null 2>&1 & sleep 0.7`,
  );
  expect(heard).toBe("before\n");
  await nft(shut());
  await onX("touch /run/go; until [ -e /tmp/said ]; do sleep 0.05; done; kill -KILL $(cat /tmp/pid); sleep 0.3");
  expect(heard).toBe("before\n");
}

/** Waits so long for what was left unsent, and no longer once it is heard. */
async function lateOr(ms: number): Promise<void> {
  for (const endMs = performance.now() + ms; !heard.includes("late") && performance.now() < endMs; ) await sleep(50);
}

test("without the bar it does get out, so this scenario can fail", async () => {
  await leaveSomethingUnsent(armed(7, uid).replaceAll("reject with tcp reset", "drop"));
  await onX("nft delete table inet holdfast");
  await lateOr(4000);
  expect(heard).toBe("before\nlate\n");
});

test("with it the sockets end, and nothing gets out after the table is gone", async () => {
  await leaveSomethingUnsent(armed(7, uid));
  await nft(disarmed());
  const orphans = "awk '$4 ~ /^(04|09|0B)$/ && $10 == 0' /proc/net/tcp | wc -l";
  for (let tries = 0; Number(await onX(orphans)) > 0; tries++) {
    expect(tries, "the sockets of the killed process do not end").toBeLessThan(40);
    await sleep(250);
  }
  await onX("nft delete table inet holdfast");
  await lateOr(4000);
  expect(heard).toBe("before\n");
});

const cutTable = "inet holdfast_scenario_09";

/** Packets between this machine and the host get lost, SSH's excepted; null: the network is whole. */
async function lose(ways: { toHost: boolean; toUs: boolean } | null): Promise<void> {
  await run("nft", ["-f", "-"], `table ${cutTable}\ndelete table ${cutTable}\n`);
  if (ways === null) return;
  const address = lab.hosts[0]?.address;
  const input = ways.toUs ? `ip saddr ${address} tcp sport != 22 drop` : "accept";
  const output = ways.toHost ? `ip daddr ${address} tcp dport != 22 drop` : "accept";
  await run(
    "nft",
    ["-f", "-"],
    `table ${cutTable} {
  chain i {
    type filter hook input priority -200;
    ${input}
  }
  chain o {
    type filter hook output priority -200;
    ${output}
  }
}
`,
  );
}

/**
 * A process of neard's user cannot get rid of `late`, and is killed behind the shut fence; the reset that answers its
 * peer is lost, and the kernel forgets the connection before the dead process's socket tries again.
 */
async function leaveSomethingForgotten(rules: string): Promise<void> {
  heard = "";
  // 10 s by default, which would only make this longer.
  await onX("sysctl -q -w net.netfilter.nf_conntrack_tcp_timeout_close=1");
  await nft(armed(7, uid));
  await nft(fed(7, 60_000, Date.now() + 60_000).replaceAll("; ", "\n"));
  const connected = new Promise<Socket>((resolve) => server.once("connection", resolve));
  const says = `echo $$ >/run/forgotten; exec 3<>/dev/tcp/${lab.gateway}/${port}; echo before >&3; until [ -e /run/go ]; do sleep 0.05; done; echo late >&3; sleep 100`;
  await onX(
    `rm -f /run/go; touch /run/forgotten; chmod 666 /run/forgotten; setpriv --reuid ${uid} --clear-groups setsid bash -c '${says}' </dev/null >/dev/null 2>&1 & sleep 0.7`,
  );
  const peer = await within(5000, "a connection", connected);
  expect(heard).toBe("before\n");
  await lose({ toHost: true, toUs: true });
  await onX("touch /run/go");
  // Its kernel repeats it after 0.2, 0.6, 1.4, 3 and 6.2 s.
  await sleep(3700);
  await nft(shut());
  await onX("kill -KILL $(cat /run/forgotten)");
  await nft(rules);
  await lose({ toHost: false, toUs: true });
  peer.write("hello");
  await sleep(100);
  await lose({ toHost: true, toUs: true });
  await sleep(1500);
  // What the peer repeats would end the socket before it tries again.
  await lose({ toHost: true, toUs: false });
  await lateOr(9000);
  await lose(null);
}

describe("a dead process's socket, whose connection the kernel has forgotten", () => {
  test("would say what it had left, so this scenario can fail", async () => {
    await leaveSomethingForgotten(disarmed().replace(/.*ct state new.*\n/, ""));
    expect(heard).toBe("before\nlate\n");
  });

  test("says nothing", async () => {
    await leaveSomethingForgotten(disarmed());
    expect(heard).toBe("before\n");
  });
});

/** When a connection ended at its far end, and with which error. */
interface Ending {
  readonly atMs: number;
  readonly code: string;
}

/** A process of neard's user with a connection to `address` that says a line every 20 ms, for as long as it lives. */
async function talkTo(address: string): Promise<void> {
  const says = `exec 3<>/dev/tcp/${address}/${port}; echo $$ >/run/talker; cat <&3 >/dev/null & while echo talk >&3; do sleep 0.02; done; sleep 100`;
  await onX(
    `rm -f /run/talker; touch /run/talker; chmod 666 /run/talker; setpriv --reuid ${uid} --clear-groups setsid bash -c '${says}' </dev/null >/dev/null 2>&1 & sleep 0.5`,
  );
}

const stopTalking = async () => await onX("kill -KILL -- -$(cat /run/talker) 2>/dev/null; sleep 0.2");

/** The far end of the talker's connection, which talks back as a peer of neard does. */
function farEnd(): Promise<{ ended: Promise<Ending> }> {
  return new Promise((resolve) => {
    server.once("connection", (socket) => {
      const talk = setInterval(() => socket.write("peer\n"), 20);
      const ended = new Promise<Ending>((end) => {
        let code = "closed";
        socket.on("error", (error: NodeJS.ErrnoException) => {
          code = error.code ?? "unknown";
        });
        socket.on("close", () => {
          clearInterval(talk);
          end({ atMs: Date.now(), code });
        });
      });
      resolve({ ended });
    });
  });
}

/** Waits for `promise`. @throws Error when that takes longer than `boundMs` */
async function within<T>(boundMs: number, what: string, promise: Promise<T>): Promise<T> {
  const late = new AbortController();
  const tooLate = sleep(boundMs, undefined, { signal: late.signal }).then(() => {
    throw new Error(`${what}: not within ${boundMs} ms`);
  });
  try {
    return await Promise.race([promise, tooLate]);
  } finally {
    late.abort();
    tooLate.catch(() => {});
  }
}

describe("the other side learns that it is over, and no byte leaves", () => {
  /** What ends the epoch, and how long after the call its lease is over. */
  const endings: readonly (readonly [name: string, end: () => Promise<unknown>, overInMs: number])[] = [
    ["at the shut", async () => await nft(shut()), 0],
    ["at the shut, disarmed 0.3 s later", async () => await nft(shut()).then(() => nft(disarmed())), 0],
    ["when the lease runs out, whoever sleeps", async () => await feedFor(700), 700],
  ];
  const feedFor = async (ms: number) => await nft(fed(7, ms, Date.now() + 60_000).replaceAll("; ", "\n"));

  test.each(endings)("%s", async (_name, end, overInMs) => {
    for (const address of [lab.gateway, gateway6]) {
      await nft(armed(7, uid));
      await feedFor(60_000);
      const connected = farEnd();
      await talkTo(address);
      const { ended } = await within(5000, `a connection to ${address}`, connected);
      heard = "";
      await sleep(300);
      expect(heard, `${address}: it talks while fed`).toContain("talk");
      await end();
      const endedMs = Date.now();
      await sleep(overInMs);
      const count = await countPayload(lab, "host-x");
      const ending = await within(10_000, `the end of the connection to ${address}`, ended);
      expect(ending.code).toBe("ECONNRESET");
      // A ruleset's way over SSH, and spareMs where nobody shuts.
      expect(ending.atMs - endedMs).toBeLessThan(overInMs + spareMs + 1000);
      await sleep(1000);
      expect(await count.read()).toEqual({ segments: 0, bytes: 0 });
      await stopTalking();
      await sleep(1000);
      expect(await count.read(), "after the kill").toEqual({ segments: 0, bytes: 0 });
      await count.stop();
    }
  });

  test("the count sees what a fence that is open lets through, so the zeros mean something", async () => {
    await nft(armed(7, uid));
    await feedFor(60_000);
    const connected = farEnd();
    await talkTo(lab.gateway);
    await within(5000, "a connection", connected);
    const count = await countPayload(lab, "host-x");
    await sleep(500);
    expect((await count.read()).segments).toBeGreaterThan(5);
    await count.stop();
    await stopTalking();
  });

  test("connections that its holder began with live through arming and the first feed", async () => {
    await nft(disarmed());
    const connected = farEnd();
    await talkTo(lab.gateway);
    const { ended } = await within(5000, "a connection", connected);
    await nft(armed(9, uid));
    await sleep(1500);
    heard = "";
    await nft(fed(9, 5000, Date.now() + 60_000).replaceAll("; ", "\n"));
    await sleep(2000);
    expect(heard).toContain("talk");
    await stopTalking();
    await within(5000, "its end", ended);
  });
});
