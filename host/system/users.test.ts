import { expect, test } from "vitest";
import { userExists, userIds } from "./users.ts";

const passwd = "root:x:0:0:root:/root:/bin/bash\nneard:x:997:995::/var/lib/neard:/usr/sbin/nologin\n";

test("numbers by name", () => {
  expect(userIds("neard", passwd)).toEqual({ uid: 997, gid: 995 });
});

test("a name that is only the beginning of another is nobody", () => {
  expect(userExists("near", passwd)).toBe(false);
  expect(() => userIds("near", passwd)).toThrow("there is no user near on this host");
});
