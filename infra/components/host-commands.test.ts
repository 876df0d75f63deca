import { execFileSync } from "node:child_process";
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
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { HostSpecInput } from "../../contract/host-spec.ts";
import { paths } from "../../contract/paths.ts";
import { type Artifact, uploadPath } from "../plan/uploads.ts";
import { applyCommand, prepareCommand, removeCommand, runtimeCommand, wipeCommand } from "./host-commands.ts";

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

describe("apply", () => {
  beforeEach(fakeHoldfastd);
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
    const remove = removeCommand("admin", "consul").replace("sudo -n ", "").replace(" 300 ", " 1 ");
    expect(() => shell(remove)).toThrow("(HF_TIMEOUT)");
  });
});

test("remove names the concern", () => {
  fakeHoldfastd();
  expect(shell(removeCommand("root", "consul"))).toContain("remove --concern consul");
});

describe("the runtime", () => {
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
  const command = runtimeCommand("root", { node, holdfastd: bundle }, [node, bundle]);
  beforeEach(() => {
    upload(node, "#!/bin/sh\necho node $*\n");
    upload(bundle, "bundle");
    upload(old, "old");
  });

  test("is unpacked, can be called, and old uploads are swept", () => {
    shell(command);
    expect(readFileSync(at(paths.bundle), "utf8")).toBe("bundle");
    expect(execFileSync(at(paths.holdfastd), ["status"], { encoding: "utf8" })).toContain(`${at(paths.bundle)} status`);
    expect(readdirSync(at(paths.upload)).toSorted()).toEqual(
      [node, bundle].map((a) => uploadPath(a).split("/").at(-1)).toSorted(),
    );
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
    expect(() => shell(runtimeCommand("root", { node, holdfastd: next }, [node, next]))).toThrow(
      "HF_ARTIFACT_CHECKSUM",
    );
    expect(readFileSync(at(paths.bundle), "utf8")).toBe("bundle");
  });
});

test("prepare makes the folder for uploads; wipe leaves nothing", () => {
  const user = execFileSync("id", ["-un"], { encoding: "utf8" }).trim();
  shell(prepareCommand(user).replace(/^sudo -n /, ""));
  expect(existsSync(at(paths.upload))).toBe(true);
  for (const path of [paths.etc, paths.run]) mkdirSync(at(path), { recursive: true });
  shell(wipeCommand("root"));
  for (const path of [paths.opt, paths.etc, paths.state, paths.run]) expect(existsSync(at(path))).toBe(false);
});
