/** Numbers of a user by name, from /etc/passwd: Node has no call for it. */
import { readFileSync } from "node:fs";
import { HoldfastError } from "../../contract/errors.ts";

/** @throws HoldfastError HF_HOST_UNFIT when there is no such user. */
export function userIds(
  name: string,
  passwd: string = readFileSync("/etc/passwd", "utf8"),
): { uid: number; gid: number } {
  const fields = passwd
    .split("\n")
    .map((line) => line.split(":"))
    .find((parts) => parts[0] === name);
  const [uid, gid] = [Number(fields?.[2]), Number(fields?.[3])];
  if (!Number.isInteger(uid) || !Number.isInteger(gid))
    throw new HoldfastError("HF_HOST_UNFIT", `there is no user ${name} on this host`, {
      next: "Run pulumi up: it makes the users that holdfast needs.",
    });
  return { uid, gid };
}
