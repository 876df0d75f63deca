import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { deploymentId } from "../../contract/deployment.ts";
import { bundlePath, paths } from "../../contract/paths.ts";
import type { HostSpecInput } from "../../contract/wire/host-spec.ts";
import { planDeployment } from "../plan/deployment.ts";
import { type Artifact, uploadPath } from "../plan/uploads.ts";
import { sampleArtifactsByArch, sampleHost, sampleTopology } from "../testing/sample.ts";
import {
  aclResetCommand,
  applyCall,
  leaveCommand,
  type Owners,
  prepareCommand,
  removeCommand,
  revokeCommand,
  runtimeScript,
  wipeCommand,
} from "./host-commands.ts";

const own = "hf-0123456789abcdef";
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "holdfast-commands-"));
});
afterEach(() => rmSync(root, { recursive: true }));

/** The command's own text with every path below a folder of the test. */
const moved = (command: string) => command.replaceAll(/\/(opt|etc|run|var\/lib)\/holdfast/g, `${root}/$1/holdfast`);
const at = (path: string) => moved(path);
const shell = (command: string, input = "") =>
  execFileSync("sh", ["-c", moved(command)], { input, encoding: "utf8", stdio: "pipe" });

const bounds = { others: 7, own: 60 };
const spec: HostSpecInput = {
  host: "host-a",
  concern: "neard",
  files: [{ path: "/etc/x", mode: "0644", lines: [`it's "quoted", $HOME \`date\` \\n`, "HOLDFAST_SPEC "] }],
};

/** Stands in for holdfastd: says what it was given. */
function fakeHoldfastd(): void {
  mkdirSync(at(paths.bin), { recursive: true });
  writeFileSync(
    at(paths.holdfastd),
    '#!/bin/sh\nprintf "%s " "$@"; echo; cat "$3" 2>/dev/null; echo; echo ---; cat\n',
    { mode: 0o755 },
  );
}

/** One that knows the commands that take a management token. */
function newHoldfastd(then = 'echo "$@"; cat'): void {
  const text = `#!/bin/sh\nif [ "$2" = --help ]; then echo "  --management-secret <name>"; else ${then}; fi\n`;
  writeFileSync(at(paths.holdfastd), text);
}

const applyCommand = (...args: Parameters<typeof applyCall>) => applyCall(...args).command;

describe("apply", () => {
  beforeEach(fakeHoldfastd);
  test("has the spec in its text as long as a shell takes it, else on stdin; a preview shows that it changed", () => {
    expect(applyCall("root", spec, bounds).stdin).toEqual({});
    const long = { ...spec, files: [{ path: "/etc/x", mode: "0644", lines: Array(4000).fill("it's ünder 128 KiB?") }] };
    const { command, stdin } = applyCall("admin", long, bounds);
    expect(JSON.parse(stdin.spec ?? "")).toEqual(long);
    expect(shell(command.replace("sudo -n ", ""), "{}")).toMatch(/^apply --spec - --others-within 7 \n/);
    expect(applyCall("admin", { ...long, host: "host-b" }, bounds).command).not.toBe(command);
  });
  test("of 120 hosts is within what Linux takes, whatever the concern and the user", () => {
    const hosts = Array.from({ length: 120 }, (_, i) => {
      const address = `2001:db8:1111:2222:3333:4444:5555:${(0x1000 + i).toString(16)}`;
      return sampleHost(
        `a-host-with-a-very-long-name-of-its-own-${i}`.slice(0, 42),
        1,
        i % 3 ? ["consul"] : ["neard", "consul"],
        { address },
      );
    });
    const { acl, hosts: plans } = planDeployment(sampleTopology({ hosts }), sampleArtifactsByArch);
    const concerns = [acl, ...plans.flatMap((plan) => [plan.system, plan.consul, plan.agent, plan.neard ?? []].flat())];
    const lengths = concerns.map(({ spec }) =>
      Buffer.byteLength(applyCommand("admin", spec, { others: 400_000, own: 86_400 })),
    );
    const scripts = plans.map(({ runtime, uploads }) =>
      Buffer.byteLength(runtimeScript(runtime, [runtime.node, runtime.holdfastd, ...uploads], [own])),
    );
    expect(Math.max(...lengths) + Math.max(...scripts)).toBeLessThan(100 * 1024);
    // Those of a usual cluster stay where a preview shows their lines.
    const usual = planDeployment(sampleTopology({ hosts: hosts.slice(0, 9) }), sampleArtifactsByArch);
    expect(applyCall("admin", usual.acl.spec, bounds).stdin).toEqual({});
  });
  test("hands over the spec, whatever is in it, and the secrets on stdin", () => {
    const [args, ...rest] = shell(applyCommand("root", spec, bounds), '{"a":"secret"}').split("\n");
    const [text = "", stdin] = rest.join("\n").split("---\n");
    expect(args).toBe("apply --spec /dev/fd/3 --others-within 7 ");
    expect(JSON.parse(text)).toEqual(spec);
    expect(stdin).toBe('{"a":"secret"}');
  });
  test("is the same through sudo", () => {
    const command = applyCommand("admin", spec, bounds);
    expect(command.startsWith("sudo -n sh -c '")).toBe(true);
    const direct = shell(applyCommand("root", spec, bounds), "{}");
    expect(shell(command.replace("sudo -n ", ""), "{}")).toBe(direct);
  });
  test("is bounded in time, for one that hangs", () => {
    writeFileSync(at(paths.holdfastd), "#!/bin/sh\nsleep 60\n");
    const command = applyCommand("root", spec, { others: 7, own: 60 });
    expect(command).toContain("timeout --kill-after=10 187 ");
    expect(() => shell(command.replace(" 187 ", " 1 "))).toThrow("It did not end within 187 s");
    const remove = removeCommand("admin", "consul", own).replace("sudo -n ", "").replace(" 300 ", " 1 ");
    expect(() => shell(remove)).toThrow("(HF_TIMEOUT)");
    newHoldfastd("sleep 60");
    const revoke = revokeCommand("admin", "host-b").replace("sudo -n ", "").replace(" 120 ", " 1 ");
    expect(() => shell(revoke)).toThrow("(HF_TIMEOUT)");
  });
});

test("a token is taken back by a host that is still one of ours, and else there is nothing to do", () => {
  for (const user of ["root", "admin"]) expect(shell(revokeCommand(user, "host-b").replace("sudo -n ", ""))).toBe("");
  fakeHoldfastd();
  // An older holdfastd, back again by a downgrade, answers any --help with its own.
  expect(shell(revokeCommand("root", "host-b"))).toBe("");
  newHoldfastd();
  for (const user of ["root", "admin"])
    expect(shell(revokeCommand(user, "host-b").replace("sudo -n ", ""), '{"a":"secret"}')).toMatch(
      /^revoke --host host-b --management-secret [a-z-]+\n\{"a":"secret"\}$/,
    );
});

test("Consul is made to take another management token, which is on stdin alone", () => {
  fakeHoldfastd();
  expect(shell(aclResetCommand("root"), '{"a":"secret"}')).toMatch(
    /^acl-reset --management-secret [a-z-]+ \n[\s\S]*---\n\{"a":"secret"\}$/,
  );
});

test("only a holdfastd that knows how is told to leave, and in its deployment's name", () => {
  fakeHoldfastd();
  // One of before answers any --help with its own.
  expect(shell(leaveCommand("root", own))).toBe("");
  newHoldfastd();
  for (const user of ["root", "admin"])
    expect(shell(leaveCommand(user, own).replace("sudo -n ", ""), '{"a":"secret"}')).toMatch(
      new RegExp(`^leave-consul --management-secret [a-z-]+ --deployment ${own}\n\\{"a":"secret"\\}$`),
    );
});

test("remove names the concern", () => {
  fakeHoldfastd();
  expect(shell(removeCommand("root", "consul", own))).toContain(`remove --concern consul --deployment ${own}`);
});

describe("the runtime", () => {
  const place = (...args: Parameters<typeof runtimeScript>) =>
    shell(applyCommand("root", spec, bounds, runtimeScript(...args)), "{}");
  const artifact = (name: string, content: string): Artifact => ({
    name,
    sha256: createHash("sha256").update(content).digest("hex"),
  });
  const upload = (one: Artifact, content: string) => {
    mkdirSync(at(paths.upload), { recursive: true });
    writeFileSync(at(uploadPath(one)), gzipSync(content));
  };
  const node = artifact("node", "#!/bin/sh\necho node $*\n");
  const bundle = artifact("holdfastd", "bundle");
  const old = artifact("neard", "old");
  const command = applyCommand("root", spec, bounds, runtimeScript({ node, holdfastd: bundle }, [node, bundle], [own]));
  beforeEach(() => {
    upload(node, "#!/bin/sh\necho node $*\n");
    upload(bundle, "bundle");
    upload(old, "old");
  });

  test("is unpacked, can be called, and old uploads are swept", () => {
    shell(command);
    const placed = at(bundlePath(bundle.sha256));
    expect(readFileSync(placed, "utf8")).toBe("bundle");
    expect(execFileSync(at(paths.holdfastd), ["status"], { encoding: "utf8" })).toContain(`${placed} status`);
    expect(readdirSync(at(paths.upload)).toSorted()).toEqual(
      [node, bundle].map((a) => uploadPath(a).split("/").at(-1)).toSorted(),
    );
  });
  test("is there before the apply, which has its spec and its secrets, through sudo as well", () => {
    const text = runtimeScript({ node, holdfastd: bundle }, [node, bundle], [own]);
    const said = shell(applyCommand("root", spec, bounds, text), '{"a":"secret"}');
    expect(said).toContain(`node --max-old-space-size=128 ${at(bundlePath(bundle.sha256))} apply --spec /dev/fd/3`);
    rmSync(at(paths.opt), { recursive: true });
    const command = applyCommand("admin", spec, bounds, text);
    expect(command.startsWith("sudo -n sh -c '")).toBe(true);
    expect(shell(command.replace("sudo -n ", ""), '{"a":"secret"}')).toBe(said);
  });
  test("done twice it replaces nothing", () => {
    shell(command);
    const inode = statSync(at(paths.node)).ino;
    shell(command);
    expect(statSync(at(paths.node)).ino).toBe(inode);
  });
  test("an upload that holds something else is refused, and what runs stays", () => {
    shell(command);
    const next = artifact("holdfastd", "next");
    upload(next, "tampered");
    expect(() => place({ node, holdfastd: next }, [node, next], [own])).toThrow("HF_ARTIFACT_CHECKSUM");
    expect(readdirSync(at(paths.lib)).filter((name) => name.endsWith(".cjs"))).toHaveLength(1);
    expect(readFileSync(at(paths.holdfastd), "utf8")).toContain(bundlePath(bundle.sha256));
  });
  test("a new bundle lies beside those that are in use and the last one; the others go", () => {
    shell(command);
    const others = ["holdfastd.cjs", "holdfastd-1.cjs", "holdfastd-2.cjs", "holdfastd-3.cjs"];
    for (const [age, name] of others.toReversed().entries()) {
      writeFileSync(join(at(paths.lib), name), name);
      execFileSync("touch", ["-d", `2026-01-0${age + 1}`, join(at(paths.lib), name)]);
    }
    // 0.1's unit, which has not been switched yet.
    mkdirSync(at("/etc/holdfast/units"), { recursive: true });
    writeFileSync(
      at("/etc/holdfast/units/holdfastd.service"),
      `ExecStart=node ${at("/opt/holdfast/lib/holdfastd.cjs")} run\n`,
    );
    const running = spawn("sleep", ["30"], { argv0: at("/opt/holdfast/lib/holdfastd-2.cjs") });
    try {
      const next = artifact("holdfastd", "next");
      upload(next, "next");
      const nextCommand = applyCommand(
        "root",
        spec,
        bounds,
        runtimeScript({ node, holdfastd: next }, [node, next], [own]),
      );
      shell(nextCommand.replaceAll("/etc/systemd/system/", "/etc/holdfast/units/"));
      const left = readdirSync(at(paths.lib)).filter((name) => name.endsWith(".cjs"));
      const placed = [bundle, next].map(({ sha256 }) => bundlePath(sha256).split("/").at(-1));
      expect(left.toSorted()).toEqual([...placed, "holdfastd.cjs", "holdfastd-2.cjs"].toSorted());
    } finally {
      running.kill("SIGKILL");
    }
  });
});

describe("a host of another deployment", () => {
  const certificate = `-----BEGIN CERTIFICATE-----\n${Buffer.from("theirs").toString("base64")}\n-----END CERTIFICATE-----\n`;
  const write = (path: string, text: string) => {
    mkdirSync(dirname(at(path)), { recursive: true });
    writeFileSync(at(path), text);
  };
  const user = execFileSync("id", ["-un"], { encoding: "utf8" }).trim();
  const prepare = (...owners: Owners) => shell(prepareCommand(user, owners).replace(/^sudo -n /, ""));
  const theirs = deploymentId(certificate) ?? "";

  test.each([
    ["by its identity", () => write(paths.deployment, JSON.stringify({ id: theirs, adopted: [own] }, null, 2))],
    ["by its authority", () => write(paths.caCertificate, certificate + certificate.replace("AAA", "BBB"))],
  ])("%s is neither prepared, nor given another holdfastd, nor wiped", (_, mark) => {
    mark();
    const refusal = `belongs to the deployment ${theirs}, not to ${own}`;
    expect(() => prepare(own)).toThrow(refusal);
    const artifact = { name: "node", sha256: "0".repeat(64) };
    const placing = runtimeScript({ node: artifact, holdfastd: artifact }, [], [own]);
    expect(() => shell(applyCommand("root", spec, bounds, placing))).toThrow(refusal);
    expect(() => shell(wipeCommand("root", own))).toThrow(refusal);
    expect(readdirSync(root)).toEqual(["etc"]);
    prepare(own, theirs);
    expect(existsSync(at(paths.upload))).toBe(true);
  });

  test("our own is prepared and wiped, by holdfastd first", () => {
    write(paths.deployment, JSON.stringify({ id: own, adopted: [theirs] }, null, 2));
    prepare(own);
    const said = join(root, "said");
    write(paths.holdfastd, `#!/bin/sh\n[ "$2" = --help ] && echo "  --all  everything"; echo "$@" >> ${said}\n`);
    execFileSync("chmod", ["+x", at(paths.holdfastd)]);
    shell(wipeCommand("root", own));
    expect(readFileSync(said, "utf8")).toContain(`remove --all --deployment ${own}\n`);
    expect(existsSync(at(paths.etc))).toBe(false);
  });
});

test("prepare makes the folder for uploads; wipe leaves nothing", () => {
  const user = execFileSync("id", ["-un"], { encoding: "utf8" }).trim();
  shell(prepareCommand(user, [own]).replace(/^sudo -n /, ""));
  expect(existsSync(at(paths.upload))).toBe(true);
  for (const path of [paths.etc, paths.run]) mkdirSync(at(path), { recursive: true });
  shell(wipeCommand("root", own));
  for (const path of [paths.opt, paths.etc, paths.state, paths.run]) expect(existsSync(at(path))).toBe(false);
});
