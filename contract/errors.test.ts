import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { describe, expect, test } from "vitest";
import { describeError, errorCodes, HoldfastError, plainReason } from "./errors.ts";

const page = readFileSync(new URL("../docs/errors.md", import.meta.url), "utf8");

/** Heading to text, in the order of the page. */
const entries = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .map((section) => {
      const end = section.indexOf("\n");
      return [section.slice(0, end).trim(), section.slice(end)] as const;
    }),
);

describe("docs/errors.md", () => {
  test("has an entry for every code, and none for what is no code, in the same order", () => {
    expect([...entries.keys()]).toEqual([...errorCodes]);
  });

  test.each(errorCodes)("%s says what it means, what causes it and what to do", (code) => {
    const entry = entries.get(code) ?? "";
    const parts = [...entry.matchAll(/^\*\*(.+?)\.\*\* (\S.+)/gm)].map((match) => match[1]);
    expect(parts).toEqual(["Means", "Common causes", "What to do"]);
  });
});

describe("describeError", () => {
  test("sentence, next step, code", () => {
    const error = new HoldfastError("HF_REFUSED", "No host is active.", { next: "See why." });
    expect(describeError(error)).toBe("No host is active.\n  next: See why.\n  (HF_REFUSED, see docs/errors.md)");
  });

  test("never a stack trace, never the cause", () => {
    const error = new HoldfastError("HF_CONSUL", "Consul did not answer.", { cause: new Error("token 1234") });
    expect(describeError(error)).toBe("Consul did not answer.\n  (HF_CONSUL, see docs/errors.md)");
    expect(describeError(new TypeError("x is undefined"))).toBe("x is undefined");
    expect(describeError("plain")).toBe("plain");
  });
});

describe("plainReason", () => {
  const failure = async (attempt: () => unknown) => {
    try {
      await attempt();
    } catch (error) {
      return plainReason(error);
    }
    return undefined;
  };
  test("a file that is not there", async () =>
    expect(await failure(() => readFileSync("/none/such"))).toBe("there is no such file or directory (ENOENT)"));
  test("a port where nobody listens", async () =>
    expect(await failure(() => new Promise((_, reject) => connect(1, "127.0.0.1").once("error", reject)))).toBe(
      "the connection was refused: nothing listens there (ECONNREFUSED)",
    ));
  test("what fetch keeps as its cause", async () =>
    expect(await failure(() => fetch("https://127.0.0.1:2"))).toContain("nothing listens there"));
  test("other errors, without a full stop of their own", () => {
    expect(plainReason(new Error("it went wrong."))).toBe("it went wrong");
    expect(plainReason("so")).toBe("so");
  });
});
