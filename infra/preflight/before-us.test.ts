import { expect, test } from "vitest";
import type { Host } from "../config/topology.ts";
import { sampleTopology } from "../testing/sample.ts";
import { beforeFaults, beforeNotes, homeFaults, sourceFaults } from "./before-us.ts";
import type { HostFacts, HostReport } from "./host-facts.ts";

const [hostA, , hostC] = sampleTopology().hosts as [Host, Host, Host];
const say = (message: string, next: string) => ({ code: "HF_HOST_UNFIT" as const, message, next });
const report = (host: Host, facts: Partial<HostFacts>): HostReport => ({
  host,
  facts: {
    managed: false,
    oldUnits: [],
    oldProcesses: [],
    oldUsers: [],
    homeHolds: [],
    homeKind: "",
    unmounted: [],
    sources: [],
    routes: true,
    ...facts,
  } as unknown as HostFacts,
  clockOffsetMs: 0,
  uncertaintyMs: 0,
});
const messages = (faults: readonly { readonly message: string }[]) => faults.map(({ message }) => message);

test("a neard from before: what would be overwritten or run beside ours is refused", () => {
  const old = { oldUnits: ["/etc/systemd/system/neard.service"], oldProcesses: ["77"] };
  expect(messages(beforeFaults(report(hostA, old), say))).toEqual([
    "has /etc/systemd/system/neard.service, which holdfast would overwrite",
    "runs processes of the user neard (77), which holdfast's fence would take for its own",
  ]);
  expect(beforeFaults(report(hostC, old), say)).toEqual([]);
});

test("a neard from before: what can stay is told once", () => {
  const old = { oldUsers: ["neard"], homeHolds: ["config.json", "data"] };
  expect(beforeNotes(report(hostA, old))).toEqual([
    expect.stringContaining("host-a (192.0.2.11) has a user neard already"),
    expect.stringContaining("something in /var/lib/neard already (config.json, data)"),
  ]);
  expect(beforeNotes(report(hostA, { ...old, managed: true }))).toEqual([]);
});

test("neard's file system must be mounted, and its home no link", () => {
  expect(messages(homeFaults(report(hostA, { unmounted: ["/var/lib/neard"] }), say))).toEqual([
    "has nothing mounted at /var/lib/neard, as /etc/fstab or its deployment has it: neard's data would go to the disk below",
  ]);
  expect(messages(homeFaults(report(hostA, { homeKind: "symbolic link" }), say))).toEqual([
    "has a symbolic link at /var/lib/neard, where neard's data belongs",
  ]);
  expect(homeFaults(report(hostA, { homeKind: "directory" }), say)).toEqual([]);
});

test("the address from which a host connects to the others", () => {
  const sources = ["192.0.2.12/192.0.2.11", "192.0.2.13/10.0.0.5", "192.0.2.14/10.0.0.5", "192.0.2.15/"];
  expect(messages(sourceFaults(report(hostA, { sources }), say))).toEqual([
    "connects to 192.0.2.13, 192.0.2.14 from 10.0.0.5, not from the configured address",
    "has no route to 192.0.2.15",
  ]);
  expect(sourceFaults(report(hostA, { sources: ["192.0.2.12/"], routes: false }), say)).toEqual([]);
  const v6 = { ...hostA, address: "2001:db8::1" };
  expect(sourceFaults(report(v6, { sources: ["2001:db8::2/2001:DB8:0::1"] }), say)).toEqual([]);
});
