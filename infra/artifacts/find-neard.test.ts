import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sampleInput, sampleSettings } from "../testing/sample.ts";
import { findNeard } from "./find-neard.ts";

let folder: string;
let labNeard: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "holdfast-neard-"));
  labNeard = join(folder, "neard");
  await writeFile(labNeard, "#!/opt/holdfast/bin/node\n// holdfast-lab-neard: a stand-in\n");
  await chmod(labNeard, 0o755);
});
afterAll(() => rm(folder, { recursive: true }));

const neard = () => ({ ...sampleInput().neard, artifact: { source: labNeard } });

test("the lab's neard is for the local network", async () =>
  expect((await findNeard(sampleSettings({ neard: neard() }))).path).toBe(labNeard));

test("and refused on a public one", async () =>
  await expect(findNeard(sampleSettings({ network: "mainnet", neard: neard() }))).rejects.toMatchObject({
    code: "HF_CONFIG_INVALID",
    message: "holdfast:neard.artifact is the lab's neard, which validates nothing, but holdfast:network is mainnet.",
  }));
