/**
 * That the lock is doubted (doubt.ts), kept in /run: an agent that is restarted would take the next record that looks right
 * at its word, and ask only whom that names. The file's being there is all that it says.
 * Not promised: that a reboot remembers it.
 */
import { lstatSync, rmSync, writeFileSync } from "node:fs";

export class DoubtFile {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Also true where that cannot be told. */
  load(): boolean {
    try {
      return lstatSync(this.#path, { throwIfNoEntry: false }) !== undefined;
    } catch {
      return true;
    }
  }

  save(isDoubted: boolean): void {
    if (isDoubted) writeFileSync(this.#path, "", { mode: 0o600 });
    else rmSync(this.#path, { force: true });
  }
}
