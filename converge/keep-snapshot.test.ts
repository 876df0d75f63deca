import { expect, test } from "vitest";
import { paths } from "../contract/paths.ts";
import { ConsulRefused, ConsulUnknown } from "../host/consul/errors.ts";
import { keepIn, replacesConsul, type SnapshotPlace } from "./keep-snapshot.ts";

const now = new Date("2026-11-30T04:05:06.789Z");

async function keep(save: SnapshotPlace["save"], there: string[] = []) {
  const files = new Map<string, Buffer>(there.map((name) => [name, Buffer.from("old")]));
  const lines: string[] = [];
  const place: SnapshotPlace = {
    save,
    names: async () => [...files.keys()],
    write: async (name, content) => void files.set(name, content),
    remove: async (name) => void files.delete(name),
  };
  const error = await keepIn(place, "host-a", now, (line) => lines.push(line)).catch((caught: unknown) => caught);
  return { names: [...files.keys()].toSorted(), lines, error };
}

test("a snapshot is kept under the time, and said where", async () => {
  const { names, lines, error } = await keep(async () => Buffer.from("data"));
  expect([names, error]).toEqual([["2026-11-30T04-05-06Z.snap"], undefined]);
  expect(lines).toEqual([
    "Consul's data before its version changes is in /var/lib/holdfast/consul-snapshots/2026-11-30T04-05-06Z.snap (4 bytes)",
  ]);
});

test("the last five stay, and nothing of others goes", async () => {
  const old = Array.from({ length: 6 }, (_, year) => `202${year}-01-01T00-00-00Z.snap`);
  const { names } = await keep(async () => Buffer.from("data"), [...old, "by-hand.txt"]);
  expect(names).toEqual([...old.slice(2), "2026-11-30T04-05-06Z.snap", "by-hand.txt"]);
});

test("none, no other version: nothing was changed yet", async () => {
  const { names, error } = await keep(async () => {
    throw new ConsulUnknown("https://127.0.0.1:8501: no answer");
  });
  expect(names).toEqual([]);
  expect(error).toMatchObject({ code: "HF_REFUSED", message: expect.stringContaining("could not be saved first") });
  const denied = await keep(async () => {
    throw new ConsulRefused(403, "Permission denied");
  });
  expect(denied.error).toMatchObject({ code: "HF_REFUSED" });
});

test("a Consul that does not know the stack's token yet, as in an adoption, is upgraded without one, which is said", async () => {
  const { names, lines, error } = await keep(async () => {
    throw new ConsulRefused(403, "ACL not found");
  });
  expect([names, error]).toEqual([[], undefined]);
  expect(lines.join()).toContain("no snapshot of Consul is saved");
});

test("a host without a server keeps none", async () => {
  expect(await keep(undefined)).toEqual({ names: [], lines: [], error: undefined });
});

test("it is for another Consul alone", () => {
  const artifact = { name: "consul", upload: "", path: paths.consul, mode: "0755", sha256: "0".repeat(64) };
  expect(replacesConsul({ kind: "artifact", artifact, why: "content" })).toBe(true);
  expect(replacesConsul({ kind: "artifact", artifact: { ...artifact, path: paths.neard }, why: "content" })).toBe(
    false,
  );
  expect(replacesConsul({ kind: "daemon-reload", why: "" })).toBe(false);
});
