/** The code of one release, to be run as it is: this tree, or the checkout of a commit. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** Which file has it now, and which had it in earlier releases. */
export type Places = readonly [now: string, ...before: string[]];

/**
 * Loads a module of the release.
 * @returns with the types of this tree's module: of an older one a part may be missing, or take other arguments
 */
export async function load<Module>(root: string, places: Places): Promise<Module> {
  const place = places.find((one) => existsSync(join(root, one)));
  if (place === undefined) throw new Error(`${root} has none of ${places.join(", ")}`);
  return (await import(pathToFileURL(join(root, place)).href)) as Module;
}
