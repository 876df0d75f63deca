/** What the host's own files and programs say, as text. */
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseAccounts } from "./accounts.ts";
import { sha256 } from "./plan-steps.ts";
import { readPath } from "./read-facts.ts";
import { parseUnits } from "./systemd.ts";

const accounts = parseAccounts(
  ["root:x:0:0:root:/root:/bin/bash", "neard:x:998:997::/var/lib/neard:/usr/sbin/nologin", ""].join("\n"),
  ["root:x:0:", "neard:x:997:", "adm:x:4:syslog,neard", "video:x:44:", ""].join("\n"),
);

test("users with their groups, ids by name", () => {
  expect(accounts.users.get("neard")).toEqual({ home: "/var/lib/neard", groups: ["adm"] });
  expect(accounts.uidOf.get("neard")).toBe(998);
  expect(accounts.gidOf.get("adm")).toBe(4);
  expect(accounts.users.has("consul")).toBe(false);
});

test("units as systemctl shows them, in the order asked", () => {
  const block = (lines: string[]) => lines.join("\n");
  const text = [
    block([
      "Id=a.service",
      "LoadState=loaded",
      "ActiveState=active",
      "SubState=running",
      "UnitFileState=enabled",
      "NeedDaemonReload=yes",
      "MainPID=812",
      "FragmentPath=/etc/systemd/system/a.service",
      "DropInPaths=/etc/systemd/system/a.service.d/one.conf /run/systemd/system/a.service.d/two.conf",
    ]),
    block([
      "Id=b.service",
      "LoadState=not-found",
      "ActiveState=inactive",
      "SubState=dead",
      "UnitFileState=",
      "NeedDaemonReload=no",
    ]),
    block([
      "Id=c.service",
      "LoadState=loaded",
      "ActiveState=activating",
      "SubState=auto-restart",
      "UnitFileState=disabled",
      "NeedDaemonReload=no",
      "NRestarts=7",
    ]),
    block([
      "Id=d.service",
      "LoadState=loaded",
      "ActiveState=activating",
      "SubState=start",
      "UnitFileState=static",
      "NeedDaemonReload=no",
    ]),
    block([
      "Id=e.service",
      "LoadState=loaded",
      "ActiveState=failed",
      "SubState=failed",
      "UnitFileState=enabled",
      "NeedDaemonReload=no",
    ]),
  ].join("\n\n");
  const units = parseUnits(["a.service", "b.service", "c.service", "d.service", "e.service"], `${text}\n`);
  const fact = {
    state: "down",
    failed: false,
    restarts: 0,
    mainPid: 0,
    loaded: true,
    enabled: true,
    needsDaemonReload: false,
    fragment: "",
    dropIns: [],
  };
  expect(Object.fromEntries(units)).toEqual({
    "a.service": {
      ...fact,
      state: "running",
      mainPid: 812,
      needsDaemonReload: true,
      fragment: "/etc/systemd/system/a.service",
      dropIns: ["/etc/systemd/system/a.service.d/one.conf", "/run/systemd/system/a.service.d/two.conf"],
    },
    "b.service": { ...fact, loaded: false, enabled: false },
    "c.service": { ...fact, enabled: false, restarts: 7 },
    "d.service": { ...fact, state: "starting" },
    "e.service": { ...fact, failed: true },
  });
});

test("a path: absent, file, directory, link; an id without a name stays a number", async () => {
  const directory = await mkdtemp(join(tmpdir(), "holdfast-converge-"));
  try {
    const path = join(directory, "file");
    await writeFile(path, "text", { mode: 0o640 });
    await symlink(path, join(directory, "link"));
    const nobody = { ...accounts, uidOf: new Map(), gidOf: new Map() };
    expect(await readPath(path, nobody)).toEqual({
      kind: "file",
      mode: "0640",
      owner: String(process.getuid?.()),
      group: String(process.getgid?.()),
      sha256: sha256("text"),
    });
    expect(await readPath(directory, nobody)).toMatchObject({ kind: "directory", mode: "0700" });
    expect(await readPath(join(directory, "link"), nobody)).toEqual({ kind: "other" });
    expect(await readPath(join(directory, "none"), nobody)).toEqual({ kind: "absent" });
    expect(await readPath(join(path, "below-a-file"), nobody)).toEqual({ kind: "absent" });
  } finally {
    await rm(directory, { recursive: true });
  }
});
