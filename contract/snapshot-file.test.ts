import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { snapshotFault } from "./snapshot-file.ts";

const whole = gzipSync(Buffer.from("meta.json state.bin SHA256SUMS ".repeat(5000)));

test("a whole archive has no fault", async () => {
  expect(await snapshotFault(whole)).toBeNull();
});

test("cut anywhere, it has one", async () => {
  for (let length = 0; length < whole.length; length += 1)
    expect(await snapshotFault(whole.subarray(0, length)), `${length} bytes`).not.toBeNull();
});

test("whatever follows it is a fault", async () => {
  const said = Buffer.from("failed to stream snapshot: read: connection reset by peer");
  for (const file of [whole, whole.subarray(0, -20)])
    expect(await snapshotFault(Buffer.concat([file, said]))).toMatch(/^it is damaged or cut short/);
  // gzip itself lets zeros pass, as tapes have them.
  expect(await snapshotFault(Buffer.concat([whole, Buffer.alloc(20)]))).toBe(
    "something follows the end of the archive",
  );
});

test("another kind of file is none", async () => {
  for (const file of [Buffer.alloc(0), Buffer.from("{}"), Buffer.alloc(40)])
    expect(await snapshotFault(file)).toBe("it is no snapshot of Consul");
});
