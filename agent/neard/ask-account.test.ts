import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { systemClock } from "../../host/system/clock.ts";
import { NeardDriver } from "./driver.ts";

const counts = {
  num_produced_blocks: 1,
  num_expected_blocks: 1,
  num_produced_chunks: 1,
  num_expected_chunks: 1,
};
const validators = (next: string) => ({
  current_validators: [{ account_id: "pool.near", public_key: "ed25519:old", ...counts }],
  next_validators: [{ account_id: "pool.near", public_key: next }],
  epoch_height: 7,
  epoch_start_height: 700,
});

/** A neard that answers JSON-RPC when it is told to. */
class SlowNeard {
  readonly asked: string[] = [];
  next = "ed25519:old";
  isHolding = false;
  #held: (() => void)[] = [];
  readonly #server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk) => {
      text += String(chunk);
    });
    request.on("end", () => this.#answer(text === "" ? "/status" : JSON.parse(text).method, response));
  });

  async listen(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #answer(method: string, response: ServerResponse): void {
    this.asked.push(method);
    const result = method === "validators" ? validators(this.next) : { epoch_length: 43_200 };
    const send = () => response.end(JSON.stringify(method === "/status" ? {} : { result }));
    if (this.isHolding && method === "validators") this.#held.push(send);
    else send();
  }

  let(): void {
    for (const send of this.#held.splice(0)) send();
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

let neard: SlowNeard;
afterEach(() => neard.close());

async function driverOf(): Promise<NeardDriver> {
  neard = new SlowNeard();
  return new NeardDriver({ unit: "none.service", uid: 1, rpcUrl: await neard.listen(), clock: systemClock });
}

test("one question at a time: whoever asks meanwhile gets the answer that is on its way", async () => {
  const driver = await driverOf();
  neard.isHolding = true;
  const asks = [1, 2, 3].map(() => driver.accountSight("pool.near"));
  await expect.poll(() => neard.asked).toEqual(["validators"]);
  neard.let();
  expect((await Promise.all(asks)).map(({ key }) => key)).toEqual(["ed25519:old", "ed25519:old", "ed25519:old"]);
  neard.isHolding = false;
  await driver.accountSight("pool.near");
  expect(neard.asked).toEqual(["validators", "validators"]);
});

test("the next NEAR epoch's first height is asked for only while the account's key is changing", async () => {
  const driver = await driverOf();
  expect(await driver.accountSight("pool.near")).toMatchObject({ nextKey: "ed25519:old", nextStartHeight: null });
  neard.next = "ed25519:new";
  for (let i = 0; i < 2; i++)
    expect(await driver.accountSight("pool.near")).toMatchObject({ nextKey: "ed25519:new", nextStartHeight: 43_900 });
  expect(neard.asked.filter((method) => method === "EXPERIMENTAL_protocol_config")).toHaveLength(1);
});
