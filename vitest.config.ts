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
 * `ssh`: against an sshd of this machine on loopback.
 * `lab`: real hosts on this machine; one file at a time, for they share one cluster.
 */
export default defineConfig({
  test: {
    sequence: { sequencer: ByName },
    projects: [
      {
        test: {
          name: "unit",
          include: ["{contract,infra,agent,cli,lab,toolchain,test}/**/*.test.ts"],
          exclude: ["**/node_modules/**", "test/scenarios/**"],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: "ssh",
          include: ["test/scenarios/{command-plugin,cli-ssh}.test.ts"],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: "lab",
          include: ["test/scenarios/**/*.test.ts"],
          exclude: ["test/scenarios/{command-plugin,cli-ssh}.test.ts"],
          globalSetup: ["test/scenarios/global-setup.ts"],
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 900_000,
        },
      },
    ],
  },
});
