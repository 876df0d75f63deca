/** What the simulated cluster is called. */
import { consulKeys } from "../../contract/topology.ts";

export const keys = consulKeys("localnet", "validator.localnet");
export const publicKey = "ed25519:simulated";
