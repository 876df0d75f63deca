/**
 * An operator with Consul's management token: what breaks a lock from outside. The request is made on a
 * host whose Consul runs, for its API takes the cluster's certificates only; the token goes by stdin.
 */
import { paths, units } from "../../contract/paths.ts";
import type { Lab, LabHost } from "../../lab/hosts/description.ts";
import { onHost } from "../../lab/hosts/ssh.ts";
import { pulumi } from "../scenarios/cluster.ts";

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Runs on the host: one request to its own Consul; prints status and body as JSON, the body in base64. */
const program = `
import { readFileSync } from "node:fs";
import { request } from "node:https";
const sent = request({
  host: "127.0.0.1", port: 8501, method: q.method, path: "/v1" + q.path, timeout: 10000,
  headers: { "x-consul-token": q.token },
  ca: readFileSync("${paths.caCertificate}"),
  cert: readFileSync("${paths.hostCertificate}"),
  key: readFileSync("/run/credentials/${units.consul}/tls-key"),
}, (response) => {
  const chunks = [];
  response.on("data", (chunk) => chunks.push(chunk));
  response.on("end", () => console.log(JSON.stringify({ status: response.statusCode, body: Buffer.concat(chunks).toString("base64") })));
});
sent.on("error", (error) => { console.error(error.message); process.exit(1); });
sent.end(Buffer.from(q.body, "base64"));
`;

let knownToken: { readonly stack: string; readonly token: string } | undefined;

/** From the stack's state, as an operator would get it. */
async function managementToken(lab: Lab): Promise<string> {
  if (knownToken?.stack === lab.stack) return knownToken.token;
  const { stdout, code, stderr } = await pulumi("stack", "export", "--show-secrets");
  const token = /managementToken\\*":\s*\\*"([0-9a-f-]{36})/.exec(stdout)?.[1];
  if (token === undefined) throw new Error(`the stack's state has no management token (${code}): ${stderr}`);
  knownToken = { stack: lab.stack, token };
  return token;
}

/** One request with the management token, through Consul on `host`. `path` is what follows `/v1`. */
export async function askConsul(
  lab: Lab,
  host: LabHost,
  method: "GET" | "PUT" | "POST" | "DELETE",
  path: string,
  body: Buffer | string = "",
): Promise<{ status: number; body: Buffer }> {
  const token = await managementToken(lab);
  const question = { method, path, token, body: Buffer.from(body).toString("base64") };
  const out = await onHost(lab, host, `${paths.node} --input-type=module -`, {
    input: `const q = ${JSON.stringify(question)};${program}`,
  });
  const answer = JSON.parse(out) as Answer;
  return { status: answer.status, body: Buffer.from(answer.body, "base64") };
}
