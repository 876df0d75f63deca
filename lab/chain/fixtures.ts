/** A small chain for the tests beside it: ours among two others, height 0 at the year's start. */
import { generateValidatorKey, type ValidatorKey } from "../../contract/near-key.ts";
import type { Genesis } from "./genesis.ts";

export const ours: ValidatorKey = generateValidatorKey("validator.localnet");

export const genesis: Genesis = {
  chain_id: "localnet",
  genesis_time: "2026-01-01T00:00:00.000Z",
  protocol_version: 84,
  slot_ms: 600,
  epoch_length: 100,
  tier1_interval_ms: 5000,
  account: ours.accountId,
  validators: [
    { account_id: ours.accountId, public_key: ours.publicKey, stake: 100 },
    { account_id: "node1.localnet", public_key: generateValidatorKey("node1.localnet").publicKey, stake: 150 },
    { account_id: "node2.localnet", public_key: generateValidatorKey("node2.localnet").publicKey, stake: 150 },
  ],
};

export const genesisMs = Date.parse(genesis.genesis_time);
