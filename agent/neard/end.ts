/**
 * The end of a neard that had the key: killed, and no key left for the one that comes after it.
 *
 * Think of taking the spare key off the hook before one throws somebody out: whoever comes in next finds none.
 * systemd starts neard again a second after its death, and neard itself may re-execute at any time; the unit's
 * ExecStartPre= removes the key file as well, but a drop-in can drop it, and a re-execution never runs it. So the file
 * goes first. Awkward case: it cannot be removed. The kill must not wait for that, but it is no proof then: what has
 * started since may have read the key.
 */

/** @throws Error when something of neard is left, or when the key was there to be read by a neard that came after. */
export async function endNeard(eraseKey: () => void, kill: () => Promise<void>): Promise<void> {
  let fault: Error | null = null;
  try {
    eraseKey();
  } catch (error) {
    fault = error instanceof Error ? error : new Error(String(error));
  }
  await kill();
  if (fault !== null) throw fault;
}
