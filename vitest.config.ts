import { defineConfig } from "vitest/config";

/**
 * `unit`: beside the code, fast, touch nothing outside a temporary directory.
 * `lab`: real hosts on this machine; one file at a time, for they share one cluster.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["{contract,infra,agent,cli,lab,toolchain,test}/**/*.test.ts"],
          exclude: ["**/node_modules/**", "test/scenarios/**"],
        },
      },
      {
        test: {
          name: "lab",
          include: ["test/scenarios/**/*.test.ts"],
          fileParallelism: false,
          sequence: { concurrent: false },
          testTimeout: 180_000,
          hookTimeout: 900_000,
        },
      },
    ],
  },
});
