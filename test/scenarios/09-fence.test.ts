/**
 * Promise `one-signer`, in the kernel alone: what a killed neard had still to send never gets out, not
 * even when the fence's table is removed later. Once a removed host sent a signature that way, 5.9 s
 * after its successor had begun (test/regressions.md).
 */
import { createServer, type Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { armed, disarmed, fed, shut } from "../../agent/fence/ruleset.ts";
import type { Lab } from "../../lab/hosts/description.ts";
import { downLab, upLab } from "../../lab/hosts/lab.ts";
import { onHost } from "../../lab/hosts/ssh.ts";

/** Debian's user nobody stands in for neard's. */
const uid = 65534;
const labName = "fence";

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
  await new Promise<void>((resolve) => server.listen(0, lab.gateway, resolve));
  port = (server.address() as { port: number }).port;
});

afterAll(async () => {
  server?.close();
  await downLab(labName, () => {});
});

async function onX(command: string, input?: string): Promise<string> {
  const host = lab.hosts[0];
  if (host === undefined) throw new Error("the lab has no host");
  return await onHost(lab, host, command, input === undefined ? {} : { input });
}

const nft = async (rules: string) => await onX("nft -f -", `${rules}\n`);

/** A process of neard's user says `before` while fed, `late` after the shut, and is killed. */
async function leaveSomethingUnsent(): Promise<void> {
  heard = "";
  await nft(armed(7, uid));
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

test("without the bar it does get out, so this scenario can fail", async () => {
  await leaveSomethingUnsent();
  await onX("nft delete table inet holdfast");
  await sleep(4000);
  expect(heard).toBe("before\nlate\n");
});

test("with it the sockets end, and nothing gets out after the table is gone", async () => {
  await leaveSomethingUnsent();
  await nft(disarmed());
  const orphans = "awk '$4 ~ /^(04|09|0B)$/ && $10 == 0' /proc/net/tcp | wc -l";
  for (let tries = 0; Number(await onX(orphans)) > 0; tries++) {
    expect(tries, "the sockets of the killed process do not end").toBeLessThan(40);
    await sleep(250);
  }
  await onX("nft delete table inet holdfast");
  await sleep(4000);
  expect(heard).toBe("before\n");
});
