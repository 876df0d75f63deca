/**
 * Which proxy a download goes through, by the environment variables that curl, Go and npm heed as well: HTTPS_PROXY,
 * HTTP_PROXY, NO_PROXY, each in lower case first. Pure.
 */
import { BlockList, isIP, isIPv4 } from "node:net";

export interface ProxyWay {
  /** Login and password included: for Node alone. */
  readonly url: string;
  /** `the proxy proxy.example:3128 (HTTPS_PROXY)`: for people. */
  readonly title: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Null: none, the way is direct. @throws Error for a proxy that cannot be used; never with its password. */
export function proxyFor(url: URL, env: Environment): ProxyWay | null {
  const scheme = url.protocol.replace(":", "");
  const [name, value] = given(env, `${scheme}_proxy`);
  if (value === "" || isExempt(url, given(env, "no_proxy")[1])) return null;
  // Many write host and port alone.
  const proxy = URL.parse(value.includes("://") ? value : `http://${value}`);
  if (proxy === null || proxy.hostname === "") throw new Error(`${name} is not the address of a proxy`);
  if (proxy.protocol !== "http:" && proxy.protocol !== "https:")
    throw new Error(
      `${name} names a proxy that speaks ${proxy.protocol.replace(":", "")}; only http and https will do`,
    );
  return { url: proxy.href, title: `the proxy ${proxy.host} (${name})` };
}

function given(env: Environment, lower: string): [name: string, value: string] {
  const name = [lower, lower.toUpperCase()].find((one) => (env[one] ?? "").trim() !== "") ?? lower;
  return [name, (env[name] ?? "").trim()];
}

/** A name stands for itself and all below it, `*` for everything; addresses and blocks of them are compared as such. */
function isExempt(url: URL, list: string): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, "").toLowerCase();
  if (host === "localhost" || host.endsWith(".localhost") || inBlock(host, "127.0.0.0/8") || host === "::1")
    return true;
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  return list.split(/[\s,]+/).some((entry) => {
    if (entry === "" || entry === "*") return entry === "*";
    if (entry.includes("/")) return inBlock(host, entry);
    const [, name = "", onPort] = /^\[?(.*?)\]?(?::(\d+))?$/.exec(isIP(entry) === 6 ? `[${entry}]` : entry) ?? [];
    const wanted = name.toLowerCase().replace(/^\*?\./, "");
    return (onPort === undefined || onPort === port) && (host === wanted || host.endsWith(`.${wanted}`));
  });
}

function inBlock(host: string, block: string): boolean {
  const [net = "", bits = ""] = block.split("/");
  if (isIP(host) === 0 || isIP(net) !== isIP(host) || !/^\d+$/.test(bits)) return false;
  if (Number(bits) > (isIPv4(net) ? 32 : 128)) return false;
  const list = new BlockList();
  list.addSubnet(net, Number(bits), isIPv4(net) ? "ipv4" : "ipv6");
  return list.check(host, isIPv4(host) ? "ipv4" : "ipv6");
}
