import { exitCodes } from "../exit-codes.ts";

/** The reader of a pipe may leave early (`| head`): that needs no stack trace. Nor was everything done, so it is no success. */
export function leaveWithReader(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") process.exit(exitCodes.unread);
      throw error;
    });
}
