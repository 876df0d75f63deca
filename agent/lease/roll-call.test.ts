import { expect, test } from "vitest";
import { generateValidatorKey } from "../../contract/near-key.ts";
import { rollCallAnswerSchema } from "../../contract/wire/notes.ts";
import { RollCall } from "./roll-call.ts";
import { sealerFrom } from "./seal.ts";

const lockKey = "holdfast/localnet/validator.localnet/lock";
const key = generateValidatorKey("validator.localnet");
const sealer = sealerFrom([key], lockKey);
let made = 0;
const roll = (host: string, by = sealer) => new RollCall(host, by, () => `question ${++made}`);

/** What `roll` writes for a core that asks under this number, or answers these. */
const written = (one: RollCall, asks: number | null, clear: string[] = []) =>
  JSON.parse(one.written(JSON.stringify({ ready: true, asks, clear }))) as { asks?: string; answers?: never[] };

test("an answer to our question, of the host that gives it, counts under the question's number", () => {
  const [asker, answerer] = [roll("host-b"), roll("host-a")];
  const { asks = "" } = written(asker, 7);
  const { answers = [] } = written(answerer, null, [asks]);
  expect(rollCallAnswerSchema.array().parse(answers)).toHaveLength(1);
  expect(asker.answered("host-a", answers)).toBe(7);
  expect(asker.answered("host-c", answers), "another host cannot use it").toBeNull();
});

test("a question stays as long as it is asked, and no other is like it", () => {
  const asker = roll("host-b");
  const first = written(asker, 7).asks;
  expect(written(asker, 7).asks).toBe(first);
  expect(written(asker, 8).asks).not.toBe(first);
  expect(written(asker, null).asks).toBeUndefined();
});

test("an answer to an earlier question answers nothing: somebody may have put it back", () => {
  const [asker, answerer] = [roll("host-b"), roll("host-a")];
  const { answers = [] } = written(answerer, null, [written(asker, 7).asks ?? ""]);
  written(asker, 8);
  expect(asker.answered("host-a", answers)).toBeNull();
});

test("nobody without the validator key can answer, nor ask a lock's seal for it", () => {
  const asker = roll("host-b");
  const { asks = "" } = written(asker, 7);
  const stranger = sealerFrom([generateValidatorKey("validator.localnet")], lockKey);
  expect(asker.answered("host-a", written(roll("host-a", stranger), null, [asks]).answers ?? [])).toBeNull();
  const none = sealerFrom([], lockKey);
  expect(asker.answered("host-a", written(roll("host-a", none), null, [asks]).answers ?? [])).toBeNull();
  const record = { host: "host-a", session: asks, epoch: 1, seq: 1 };
  expect(asker.answered("host-a", [{ to: asks, seal: sealer.seal(record) }])).toBeNull();
});

test("while the account's key changes, hosts with one and with both understand each other", () => {
  const both = sealerFrom([key, generateValidatorKey("validator.localnet")], lockKey);
  const asker = roll("host-b", both);
  const { answers = [] } = written(roll("host-a"), null, [written(asker, 1).asks ?? ""]);
  expect(asker.answered("host-a", answers)).toBe(1);
});
