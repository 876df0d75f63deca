/** The power switch of a lab as a process: main.ts LAB TOKENFILE MOODFILE. Started by switch.ts. */
import "../../contract/first.ts";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { runEntry } from "../../contract/entry.ts";
import { hostOf, loadLab } from "../hosts/description.ts";
import { isOn, powerOff, powerOn } from "../hosts/power.ts";
import { powerSwitchPort, type SwitchMood } from "./switch.ts";

const [name = "", tokenFile = "", moodFile = ""] = process.argv.slice(2);
const liedOf = new Set<string>();

function answer(response: ServerResponse, code: number, text: string): void {
  response.writeHead(code, { "content-type": "text/plain" }).end(`${text}\n`);
}

async function serve({ method, url = "", headers }: IncomingMessage, response: ServerResponse): Promise<void> {
  const [, host, order] = /^\/power\/([a-z0-9-]+)(?:\/(on|off))?$/.exec(url) ?? [];
  if (host === undefined) return answer(response, 404, "no such thing");
  if (headers["x-token"] !== readFileSync(tokenFile, "utf8")) return answer(response, 401, "wrong token");
  const mood = readFileSync(moodFile, "utf8") as SwitchMood;
  if (mood === "silent") return;
  if (mood === "refuses") return answer(response, 503, "out of order");
  const lab = loadLab(name);
  hostOf(lab, host);
  console.log(`${new Date().toISOString()} ${method} ${url} (${mood})`);
  if (method === "GET") {
    const isLie = mood === "lies" && liedOf.has(host);
    return answer(response, 200, isOn(lab, host) && !isLie ? "on" : "off");
  }
  if (mood === "lies") liedOf.add(host);
  else if (mood === "works" && order === "off") await powerOff(lab, host);
  else if (mood === "works" && order === "on") await powerOn(lab, host);
  answer(response, 200, "ok");
}

await runEntry("lab power switch", async () => {
  const server = createServer((request, response) => {
    serve(request, response).catch((error: Error) => answer(response, 500, error.message.split("\n")[0] ?? ""));
  });
  server.listen(powerSwitchPort, loadLab(name).gateway);
  await new Promise((resolve) => server.once("close", resolve));
});
