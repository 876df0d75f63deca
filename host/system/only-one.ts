/**
 * One agent on a host at a time. Two would share the host's fence, key and neard, and the one's
 * clean-up would open what the other has armed.
 *
 * The claim is a name among Linux's abstract sockets (unix(7)): the kernel gives it to one process, and
 * takes it back the moment that process is gone, however it went. No file can be left behind or removed.
 * Awkward case: any local user could take the name first. That keeps the agent from starting, and so
 * costs the lease; it opens nothing.
 */
import { createServer } from "node:net";
import { HoldfastError } from "../../contract/errors.ts";

/** @returns a function that gives the claim back; the end of the process does so too. */
export async function claimOnly(name: string): Promise<() => void> {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(
        error.code !== "EADDRINUSE"
          ? error
          : new HoldfastError("HF_REFUSED", `another ${name} runs on this host`, {
              next: `Leave it to the unit: systemctl status ${name}.service shows it.`,
            }),
      ),
    );
    server.listen(`\0${name}`, resolve);
  });
  server.unref();
  return () => server.close();
}
