/** Numbers of a user by name, from /etc/passwd: Node has no call for it. */
import { readFileSync } from "node:fs";
import { HoldfastError } from "../../contract/errors.ts";

const readPasswd = (): string => readFileSync("/etc/passwd", "utf8");

export function userExists(name: string, passwd: string = readPasswd()): boolean {
  return passwd.split("\n").some((line) => line.startsWith(`${name}:`));
}

/** @throws HoldfastError HF_HOST_UNFIT when there is no such user. */
export function userIds(name: string, passwd: string = readPasswd()): { uid: number; gid: number } {
  const line = passwd.split("\n").find((candidate) => candidate.startsWith(`${name}:`));
  const [uid, gid] = (line ?? "").split(":").slice(2, 4).map(Number);
  if (uid === undefined || gid === undefined || !Number.isInteger(uid) || !Number.isInteger(gid))
    throw new HoldfastError("HF_HOST_UNFIT", `there is no user ${name} on this host`, {
      next: "Run pulumi up: it makes the users that holdfast needs.",
    });
  return { uid, gid };
}
