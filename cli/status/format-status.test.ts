import { expect, test } from "vitest";
import { createPaint } from "../terminal/paint.ts";
import { activeStatus, arbiterStatus, standbyStatus, testOutputs, wellHeard } from "../testing/cluster.ts";
import { clusterView } from "./cluster-view.ts";
import { formatStatus } from "./format-status.ts";
import type { HostAnswer } from "./views.ts";

const style = { paint: createPaint(false), columns: undefined, wallMs: Date.parse("2026-01-31T11:05:00Z") };
const answers: HostAnswer[] = [activeStatus("host-a"), standbyStatus("host-b"), arbiterStatus("host-c")].map(
  (status) => ({
    host: status.host,
    status,
  }),
);
const replace = (changed: HostAnswer) => answers.map((answer) => (answer.host === changed.host ? changed : answer));

test("a cluster that is well, word for word", () => {
  expect(formatStatus(clusterView(testOutputs(), answers), style)).toMatchInlineSnapshot(`
    "validator.test on localnet · epoch 4 · host-a active since 2026-01-31 09:00:00 UTC (2 h 5 min) · lease 5.4 s left · heard

    host    roles          agent           neard               key     consul  because
    host-a  neard, consul  active          synced #1234 2.6.3  loaded  voter   renewed 0.2 s ago
    host-b  neard, consul  standby, ready  synced #1234 2.6.3  sealed  voter   host-a renews its lease
    host-c  consul         arbiter         -                   -       leader  this host only votes"
  `);
});

test("an active host that is not heard: the header says so, and for how long", () => {
  const because = "not heard for 44 s: 12 of 14 endorsements missed";
  const heard = { ...wellHeard, state: "not-heard", because } as const;
  const changed = replace({ host: "host-a", status: activeStatus("host-a", { heard }) });
  const text = formatStatus(clusterView(testOutputs(), changed), style);
  expect(text.split("\n")[0]).toContain(`host-a active since`);
  expect(text.split("\n")[0]).toContain(`· ${because}`);
  expect(text).toContain(`! host-a is active, ${because}.`);
});

test("a dead host, a pause and a switchover", () => {
  const changed = replace({ host: "host-c", error: { code: "HF_HOST_UNREACHABLE", message: "host-c is silent." } });
  const moving = { paused: true, switchover: { id: "7", to: "host-b" } };
  changed[0] = { host: "host-a", status: activeStatus("host-a", moving) };
  expect(formatStatus(clusterView(testOutputs(), changed), style)).toMatchInlineSnapshot(`
    "validator.test on localnet · epoch 4 · host-a active since 2026-01-31 09:00:00 UTC (2 h 5 min) · lease 5.4 s left · heard
    paused: no automatic take-overs; holdfast resume ends it
    switchover under way to host-b

    host    roles          agent           neard               key     consul  because
    host-a  neard, consul  active          synced #1234 2.6.3  loaded  voter   renewed 0.2 s ago
    host-b  neard, consul  standby, ready  synced #1234 2.6.3  sealed  voter   host-a renews its lease
    host-c  consul         unreachable     -                   -       -

    ! host-c is silent."
  `);
});

test("two active hosts: the alarm comes first and says what to do", () => {
  const changed = replace({ host: "host-b", status: activeStatus("host-b", { epoch: 5 }) });
  const text = formatStatus(clusterView(testOutputs(), changed), style);
  expect(text.split("\n")[0]).toBe("ALARM: 2 hosts say that they are active: host-a (epoch 4), host-b (epoch 5).");
  expect(text).toContain("holdfast ssh host-a -- systemctl kill --signal=KILL neard.service.");
  expect(text).toContain("more than one host active");
});

test("no host that can be seen: neither the epoch nor the absence of an active host is claimed", () => {
  const text = formatStatus(clusterView(testOutputs(), []), style);
  expect(text.split("\n")[0]).toBe("validator.test on localnet · epoch unknown · no host seen active");
});

test("fits a narrow terminal", () => {
  const text = formatStatus(clusterView(testOutputs(), answers), { ...style, columns: 110 });
  const table = text.slice(text.indexOf("\n\n") + 2);
  expect(Math.max(...table.split("\n").map((line) => line.length))).toBeLessThanOrEqual(110);
});
