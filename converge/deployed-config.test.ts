import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { paths } from "../contract/paths.ts";
import { defaultTiming, longestHeardMs } from "../contract/timing.ts";
import { hostSpecSchema } from "../contract/wire/host-spec.ts";
import { readDeployedConfig } from "./deployed-config.ts";

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "holdfast-config-"));
});
afterAll(() => rm(directory, { recursive: true }));

const config = (host: string) => ({
  network: "localnet",
  account: "validator.localnet",
  host,
  roles: ["consul"],
  priority: 100,
  peers: [],
  lease: defaultTiming,
  consul: { urls: ["https://127.0.0.1:8501"], datacenter: "holdfast", caFile: "/ca.pem", certFile: "/cert.pem" },
  http: { address: "0.0.0.0", port: 2233 },
});

const applied = hostSpecSchema.parse({
  host: "host-a",
  concern: "agent",
  files: [
    { path: paths.agentConfig, mode: "0644", lines: JSON.stringify(config("from-the-spec"), null, 2).split("\n") },
  ],
});
const remembers = { readSpec: async () => applied };
const forgot = { readSpec: async () => null };

async function file(text: string): Promise<string> {
  const path = join(directory, "agent.json");
  await writeFile(path, text);
  return path;
}

test("the file is what counts", async () => {
  const path = await file(JSON.stringify(config("from-the-file")));
  expect(await readDeployedConfig(path, remembers)).toMatchObject({ host: "from-the-file" });
});

test("a file of another version will do", async () => {
  const path = await file(JSON.stringify({ ...config("from-the-file"), lease: undefined, novelty: true }));
  expect(await readDeployedConfig(path, forgot)).toMatchObject({
    host: "from-the-file",
    lease: { lockDelayMs: longestHeardMs },
  });
});

test.for(["{", "{}", ""])("a damaged file (%j) is no reason not to mend it", async (text) => {
  expect(await readDeployedConfig(await file(text), remembers)).toMatchObject({ host: "from-the-spec" });
});

test("a deleted file does not make a deployed host look like a new one", async () => {
  expect(await readDeployedConfig(join(directory, "none"), remembers)).toMatchObject({ host: "from-the-spec" });
});

test("a host without either has no agent", async () => {
  expect(await readDeployedConfig(join(directory, "none"), forgot)).toBeNull();
});

test("a damaged file of which nothing is remembered is told", async () => {
  await expect(readDeployedConfig(await file("{"), forgot)).rejects.toMatchObject({ code: "HF_CONFIG_INVALID" });
});
