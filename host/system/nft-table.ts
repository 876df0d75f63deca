/** One of the kernel's packet filter tables, as nft shows it. */
import { run } from "./run.ts";

/** Of one nft, which has it from the kernel within milliseconds. Who waits may be about to kill a neard that no fence holds back. */
export const nftTimeoutMs = 3000;

/**
 * The table `inet NAME` as nft lists it; null: there is none.
 * @param flags of nft's, such as --stateless
 * @throws Error with nft's words when it cannot be told
 */
export async function listTable(name: string, flags: readonly string[] = []): Promise<string | null> {
  try {
    return (await run("nft", [...flags, "list", "table", "inet", name], { timeoutMs: nftTimeoutMs })).stdout;
  } catch (error) {
    // It fails for a table that is not there as for all else: absent is only what nft does not name among all.
    const { stdout } = await run("nft", ["list", "tables", "inet"], { timeoutMs: nftTimeoutMs });
    if (stdout.split("\n").some((line) => line.trim() === `table inet ${name}`)) throw error;
    return null;
  }
}

/**
 * False: there is none, or no nft on this host that could have made it.
 * @throws Error with nft's words when it cannot be told
 */
export async function hasTable(name: string): Promise<boolean> {
  try {
    return (await listTable(name)) !== null;
  } catch (error) {
    if (((error as Error).cause as NodeJS.ErrnoException | undefined)?.code === "ENOENT") return false;
    throw error;
  }
}
