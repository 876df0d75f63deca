/**
 * Ends what is done over an open connection when its host falls silent, or when the step is cancelled: without this a
 * host that loses its power in the middle, which says no goodbye, would keep `pulumi up` waiting for good.
 *
 * Awkward case: a cancelled command that is nearly done. It gets a short while, for what has come to its end
 * need not be done again; on its host a command goes on to its end by itself, whoever listens.
 */
import { HoldfastError } from "../../contract/errors.ts";
import { type Connection, type Dialled, defaultLimits, type Limits, type StepContext } from "./dial.ts";

/**
 * Does `work`, then closes the connection.
 * @param graceMs what the work may still take when the step is cancelled.
 * @throws HoldfastError HF_HOST_UNREACHABLE when the host falls silent; the signal's reason when it was cancelled.
 */
export async function bounded<T>(
  { client, close }: Dialled,
  connection: Connection,
  context: StepContext,
  graceMs: number,
  work: () => Promise<T>,
): Promise<T> {
  const { promise: over, reject: end } = Promise.withResolvers<never>();
  over.catch(() => {});
  let grace: NodeJS.Timeout | undefined;
  const cancel = (): void => {
    if (graceMs > 0) context.note(`cancelled: what runs has ${graceMs / 1000} s to come to its end`);
    grace = setTimeout(() => end(cancelled(connection, context)), graceMs);
  };
  client.on("error", (error: Error & { level?: string }) => {
    if (error.level === "client-timeout") end(silent(connection, context));
  });
  context.signal.addEventListener("abort", cancel, { once: true });
  if (context.signal.aborted) cancel();
  try {
    const working = work();
    working.catch(() => {}); // what ends it is told by `over`
    return await Promise.race([over, working]);
  } catch (error) {
    client.destroy(); // a farewell to a silent host would wait for it as well
    throw error;
  } finally {
    clearTimeout(grace);
    context.signal.removeEventListener("abort", cancel);
    close();
  }
}

/** How long a silent host was waited for, in seconds. */
const patience = ({ keepaliveMs, keepaliveCount }: Limits): number =>
  Math.round((keepaliveMs * (keepaliveCount + 1)) / 1000);

function silent(connection: Connection, context: StepContext): HoldfastError {
  const seconds = patience(context.limits ?? defaultLimits);
  return new HoldfastError(
    "HF_HOST_UNREACHABLE",
    `${where(connection, context)} has given no sign of life for ${seconds} s: it lost its power or its network, or it hangs.`,
    { next: "Bring it back, then run pulumi up again: it goes on where this one stopped." },
  );
}

/** What to do when a connection was cut off in the middle of a command. */
export const cutOff = (connection: Connection, context: StepContext): string =>
  `\n  next: ${where(connection, context)} ended the connection: it was restarted, or its sshd or something in between was. ` +
  "Look at it, then run pulumi up again: it goes on where this one stopped.\n  (HF_HOST_UNREACHABLE, see docs/errors.md)";

function cancelled(connection: Connection, context: StepContext): Error {
  const { reason } = context.signal;
  const said = reason instanceof Error ? reason.message : String(reason);
  return new Error(
    `${said}: ${where(connection, context)} was left while something still ran there; it comes to its end by itself. ` +
      "Run pulumi up again: it goes on from there.",
  );
}

const where = ({ host, port }: Connection, { step }: StepContext): string =>
  `${host}:${Math.trunc(port)}${step === undefined ? "" : ` (${step})`}`;
