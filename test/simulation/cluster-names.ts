/** What the simulated cluster is called. */
import { base58 } from "@scure/base";
import { type Sealer, sealerFrom } from "../../agent/lease/seal.ts";
import { consulKeys } from "../../contract/topology.ts";

export const keys = consulKeys("localnet", "validator.localnet");
export const publicKey = "ed25519:simulated";
/** What the account goes over to, and back, where its key changes (NearKeys). */
export const nextPublicKey = "ed25519:simulated-next";

/** What hosts with these keys seal by; the keys are the same in every run, for a run follows from its seed alone. */
export function sealerOf(publicKeys: readonly string[]): Sealer {
  const keys = [publicKey, nextPublicKey].map((name, i) => {
    const secretKey = `ed25519:${base58.encode(new Uint8Array(64).fill(i + 1))}`;
    return { accountId: "validator.localnet", publicKey: name, secretKey };
  });
  return sealerFrom(
    keys.filter((key) => publicKeys.includes(key.publicKey)),
    consulKeys("localnet", "validator.localnet").lock,
  );
}
