import { describe, expect, test } from "vitest";
import { proxyFor } from "./proxy.ts";

const through = "http://proxy.example:3128";
const titleOf = (url: string, env: Record<string, string>) => proxyFor(new URL(url), env)?.title ?? null;

describe("the proxy", () => {
  test.each<[string, Record<string, string>, string | null]>([
    ["https://a.example/x", {}, null],
    ["https://a.example/x", { HTTPS_PROXY: through }, "the proxy proxy.example:3128 (HTTPS_PROXY)"],
    [
      "https://a.example/x",
      { https_proxy: through, HTTPS_PROXY: "http://other" },
      "the proxy proxy.example:3128 (https_proxy)",
    ],
    ["https://a.example/x", { https_proxy: "", HTTPS_PROXY: through }, "the proxy proxy.example:3128 (HTTPS_PROXY)"],
    ["https://a.example/x", { HTTP_PROXY: through }, null],
    ["http://a.example/x", { HTTP_PROXY: "proxy.example:3128" }, "the proxy proxy.example:3128 (HTTP_PROXY)"],
    [
      "https://a.example/x",
      { HTTPS_PROXY: "https://me:hunter2@proxy.example" },
      "the proxy proxy.example (HTTPS_PROXY)",
    ],
  ])("of %s with %j is %s", (url, env, title) => expect(titleOf(url, env)).toBe(title));

  test.each<[string, string, boolean]>([
    ["https://a.example/", "a.example", true],
    ["https://deep.a.example/", "a.example", true],
    ["https://deep.a.example/", ".a.example", true],
    ["https://deep.a.example/", "*.a.example", true],
    ["https://nota.example/", "a.example", false],
    ["https://a.example/", "b.example, A.EXAMPLE", true],
    ["https://a.example/", "b.example a.example", true],
    ["https://a.example/", "a.example:8443", false],
    ["https://a.example:8443/", "a.example:8443", true],
    ["https://a.example/", "*", true],
    ["https://192.0.2.7/", "192.0.2.0/24", true],
    ["https://192.0.3.7/", "192.0.2.0/24", false],
    ["https://[2001:db8::7]/", "2001:db8::/32", true],
    ["https://[2001:db8::7]/", "2001:db8::7", true],
    ["https://[2001:db8::7]:9/", "[2001:db8::7]:9", true],
    ["https://a.example/", "192.0.2.0/99,::/x,/", false],
    ["https://127.0.0.1:8/", "", true],
    ["https://localhost/", "", true],
    ["https://[::1]/", "", true],
  ])("is passed by for %s where NO_PROXY is %j: %s", (url, list, isExempt) => {
    for (const name of ["NO_PROXY", "no_proxy"])
      expect(titleOf(url, { HTTPS_PROXY: through, [name]: list }) === null, name).toBe(isExempt);
  });

  test.each(["socks5://me:hunter2@proxy.example", "http://", "::hunter2::", "http://me:hunter2@:1"])(
    "that cannot be used is said to be so, without its password: %s",
    (value) => {
      const ask = () => titleOf("https://a.example/", { HTTPS_PROXY: value });
      expect(ask).toThrow(/^HTTPS_PROXY /);
      expect(ask).not.toThrow(/hunter2/);
    },
  );
});
