import { expect, test } from "vitest";
import type { Marks } from "../contract/deployment.ts";
import type { Identity } from "../contract/wire/identity.ts";
import { claimIn, identityFor, removalRefusal } from "./identity.ts";
import type { SpecStore } from "./spec-store.ts";

const [own, other] = ["hf-00000000000000aa", "hf-00000000000000bb"];
const marked: Marks = {
  identity: {
    id: own,
    stack: "organization/holdfast/sample",
    network: "localnet",
    account: "validator.localnet",
    since: "2026-01-02T03:04:05.000Z",
  } as Identity,
  authority: own,
};
/** Of a version that kept no identity. */
const unmarked: Marks = { identity: null, authority: own };

test("a removal wants the word of the host's own deployment, and of no other", () => {
  expect(removalRefusal(own, "host-a", marked)).toBeNull();
  expect(removalRefusal(other, "host-a", marked)).toMatchObject({
    code: "HF_HOST_FOREIGN",
    message: expect.stringMatching(`host-a belongs to the deployment ${own} .*, not to the deployment ${other}`),
    next: expect.stringContaining("Select the host's own stack"),
  });
  expect(removalRefusal(other, "host-a", unmarked)?.code).toBe("HF_HOST_FOREIGN");
  expect(removalRefusal(other, "host-a", { identity: null, authority: null })).toBeNull();
});

test("an earlier version's removal names no deployment: it goes on until the host knows whose it is", () => {
  expect(removalRefusal(null, "host-a", unmarked)).toBeNull();
  // Another stack of that version would remove a living host just so; its own has to be brought up first.
  expect(removalRefusal(null, "host-a", marked)?.next).toBe(
    "If its own stack does this, an update of holdfast was cut off: run pulumi up with host-a in holdfast:hosts first. " +
      `By hand: --deployment ${own} (docs/operate/lost-state.md).`,
  );
});

test("a host that another deployment takes over is the same machine, with the age that it had", async () => {
  const claim = { id: other, stack: "s", network: "localnet", account: "a", adopt: own } as const;
  expect(await identityFor(claim, "host-a", "adopted", marked.identity, {} as SpecStore)).toMatchObject({
    id: other,
    adopted: [own],
    since: "2026-01-02T03:04:05.000Z",
  });
});

test("who deploys comes with the secrets; what is no claim is refused without a word of it", () => {
  const claim = { id: own, stack: "s", network: "localnet", account: "a" };
  expect(claimIn({ deployment: JSON.stringify(claim) })).toEqual(claim);
  expect(claimIn({ "host-a/tls-key": "secret" })).toBeNull();
  for (const text of ["secret", JSON.stringify({ ...claim, id: "secret" })])
    expect(() => claimIn({ deployment: text })).toThrow(
      expect.objectContaining({ code: "HF_CONFIG_INVALID", message: expect.not.stringContaining("secret") }),
    );
});
