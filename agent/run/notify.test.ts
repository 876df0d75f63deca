import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { notifySocketFile } from "../../infra/plan/notify-socket.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-notify-"));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Plays systemd: makes the socket, says so, and prints each message that comes, its sender's pid in front. */
const systemd = `
use strict; use warnings; use Socket; $| = 1;
socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die $!; bind($s, pack_sockaddr_un($ARGV[0])) or die $!;
setsockopt($s, SOL_SOCKET, 16, 1) or die $!;  # SO_PASSCRED
print "listening\\n"; recv($s, my $m, 4096, 0) // die $!; $m =~ tr/\\n/ /; print "$m\\n";`;

const output = async (child: ReturnType<typeof spawn>, until: RegExp): Promise<string> =>
  await new Promise((resolve, reject) => {
    let text = "";
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding("utf8").on("data", (more: string) => {
        text += more;
        if (until.test(text)) resolve(text);
      });
    child.on("close", () => reject(new Error(`ended with: ${text}`)));
  });

test("a message reaches systemd over the socket that the unit opens, and what the agent starts does not inherit it", async () => {
  const [socket, script] = [join(folder, "notify"), join(folder, "with-notify-socket.pl")];
  writeFileSync(script, `${notifySocketFile.lines.join("\n")}\n`);
  const listener = spawn("perl", ["-e", systemd, socket], { stdio: ["ignore", "pipe", "inherit"] });
  await output(listener, /listening/);
  const heard = output(listener, /READY/);
  const agent = `
    import { execFileSync } from "node:child_process";
    import { readlinkSync } from "node:fs";
    import { notify } from ${JSON.stringify(join(import.meta.dirname, "notify.ts"))};
    notify("READY=1", "STATUS=well");
    const socket = readlinkSync("/proc/self/fd/" + process.env.HOLDFAST_NOTIFY_FD);
    const inherited = execFileSync("ls", ["-l", "/proc/self/fd"], { encoding: "utf8" }).includes(socket);
    console.log("pid", process.pid, "has", socket, "its child too:", inherited);`;
  const child = spawn("perl", [script, process.execPath, "--input-type=module", "-e", agent], {
    env: { ...process.env, NOTIFY_SOCKET: socket },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = await output(child, /too: \w+/);
  expect(said, "Perl became Node").toContain(`pid ${child.pid} has socket:[`);
  expect(said).toContain("its child too: false");
  expect(await heard).toContain("READY=1 STATUS=well");
});
