/** What the simulated cluster is called. */
import { consulKeys } from "../../contract/topology.ts";

export const keys = consulKeys("localnet", "validator.localnet");
export const publicKey = "ed25519:simulated";
/** What the account goes over to, and back, where its key changes (NearKeys). */
export const nextPublicKey = "ed25519:simulated-next";
