import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** By name: the scenarios share one cluster, and the last of them destroys it. */
class ByName extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return files.toSorted((a, b) => (a.moduleId < b.moduleId ? -1 : 1));
  }
}

/**
 * `unit`: beside the code, fast, touch nothing outside a temporary directory.
 * `cloud`: the real hcloud plugin against the lab's cloud, in memory and on loopback; minutes.
 * `cloud-clients`: the official clients against the same; fetches them from PyPI and Go's module proxy.
 * `cloud-lab`: hosts of the lab that the plugin makes at the lab's cloud; on real hosts. With HOLDFAST_CLOUD_REPLACE=1 one of them is
 * replaced besides, which takes two minutes more.
 * `ssh`: against an sshd of this machine on loopback and one of a host of its own; the kernel's part of the fence, on another.
 * `lab`: real hosts on this machine; one file at a time, for they share one cluster.
 * `long`: more of them, each minutes long; only when asked for by name.
 * `ipv6`: some of `lab` on hosts that reach each other by IPv6; only when asked for by name.
 * `real`: the same with a real neard among real validators; only where HOLDFAST_NEARD names one.
 */
export default defineConfig({
  test: {
    sequence: { sequencer: ByName },
    // vitest's own choice leaves one core free; many files wait more than they work, and a machine may have but two.
    maxWorkers: "100%",
    projects: [
      {
        test: {
          name: "unit",
          include: ["{contract,ssh,hcloud,infra,agent,converge,holdfastd,host,cli,lab,toolchain,test}/**/*.test.ts"],
          exclude: [
            "**/node_modules/**",
            "test/scenarios/**",
            "test/cloud/**",
            "test/cloud-clients/**",
            "test/cloud-lab/**",
          ],
          testTimeout: 30_000,
          // Pulumi's SDK takes ten seconds to load where the cores are busy.
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: "cloud",
          include: ["test/cloud/**/*.test.ts"],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 900_000,
        },
      },
      {
        test: {
          name: "cloud-clients",
          include: ["test/cloud-clients/**/*.test.ts"],
          fileParallelism: false,
          testTimeout: 600_000,
        },
      },
      {
        test: {
          name: "cloud-lab",
          include: ["test/cloud-lab/**/*.test.ts"],
          testTimeout: 600_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: "ssh",
          include: ["test/scenarios/{command-plugin,cli-ssh,09-fence}.test.ts"],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: "lab",
          include: ["test/scenarios/**/*.test.ts"],
          exclude: [
            "test/scenarios/{command-plugin,cli-ssh,09-fence}.test.ts",
            "test/scenarios/long/**",
            "test/scenarios/real/**",
          ],
          globalSetup: ["test/scenarios/global-setup.ts"],
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 900_000,
        },
      },
      {
        test: {
          name: "long",
          include: ["test/scenarios/long/**/*.test.ts"],
          globalSetup: ["test/scenarios/global-setup.ts"],
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 900_000,
        },
      },
      {
        test: {
          name: "ipv6",
          include: ["test/scenarios/{01,02,04,06,07,10,zz}-*.test.ts"],
          env: { HOLDFAST_TEST_LAB: process.env.HOLDFAST_IPV6_LAB ?? "six" },
          globalSetup: ["test/scenarios/ipv6-setup.ts"],
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 900_000,
        },
      },
      {
        test: {
          name: "real",
          include: ["test/scenarios/real/**/*.test.ts"],
          globalSetup: ["test/scenarios/real/global-setup.ts"],
          env: { HOLDFAST_TEST_LAB: process.env.HOLDFAST_REAL_LAB ?? "real" },
          fileParallelism: false,
          testTimeout: 600_000,
          hookTimeout: 900_000,
        },
      },
    ],
  },
});
