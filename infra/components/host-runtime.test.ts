import * as pulumi from "@pulumi/pulumi";
import { expect, test } from "vitest";
import { assetOf } from "./host-runtime.ts";

test("Pulumi's engine is told a file's hash, so that it need not read the file for each host", async () => {
  const source = assetOf({ path: "/packed/consul.gz", sha256: "ab".repeat(32) });
  expect(await pulumi.runtime.serializeProperties("copy", { source })).toMatchObject({
    source: { path: "/packed/consul.gz", hash: "ab".repeat(32) },
  });
});
