/** The host's users and groups, read from /etc/passwd and /etc/group: ours are never in a directory service. */
import { readFile } from "node:fs/promises";
import type { UserFact } from "./facts.ts";
import { runCommand } from "./run-command.ts";
import type { UserSpec } from "./steps.ts";

export interface Accounts {
  readonly users: ReadonlyMap<string, UserFact>;
  readonly uidOf: ReadonlyMap<string, number>;
  readonly gidOf: ReadonlyMap<string, number>;
}

export async function readAccounts(): Promise<Accounts> {
  return parseAccounts(await readFile("/etc/passwd", "utf8"), await readFile("/etc/group", "utf8"));
}

/** passwd(5) and group(5), as text. */
export function parseAccounts(passwd: string, group: string): Accounts {
  const rows = (text: string) =>
    text
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => line.split(":"));
  const groups = rows(group).map(([name = "", , gid = "", members = ""]) => ({
    name,
    gid: Number(gid),
    members: members.split(",").filter((member) => member !== ""),
  }));
  const users = rows(passwd).map(([name = "", , uid = "", , , home = ""]) => ({ name, uid: Number(uid), home }));
  return {
    users: new Map(
      users.map(({ name, home }) => [
        name,
        { home, groups: groups.filter((g) => g.members.includes(name)).map((g) => g.name) },
      ]),
    ),
    uidOf: new Map(users.map(({ name, uid }) => [name, uid])),
    gidOf: new Map(groups.map(({ name, gid }) => [name, gid])),
  };
}

/** Makes a system user without login and home directory, with a group of its own name. */
export async function createUser(user: UserSpec): Promise<void> {
  const { gidOf } = await readAccounts();
  await runCommand([
    "useradd",
    "--system",
    ...(gidOf.has(user.name) ? ["--gid", user.name] : ["--user-group"]),
    ...["--home-dir", user.home, "--no-create-home", "--shell", "/usr/sbin/nologin"],
    ...(user.groups.length === 0 ? [] : ["--groups", user.groups.join(",")]),
    user.name,
  ]);
}

export async function modifyUser(user: UserSpec): Promise<void> {
  const groups = user.groups.length === 0 ? [] : ["--append", "--groups", user.groups.join(",")];
  await runCommand(["usermod", "--home", user.home, ...groups, user.name]);
}

/** Deletes the user and, with it, the group of its own name. */
export async function deleteUser(name: string): Promise<void> {
  await runCommand(["userdel", name]);
}
