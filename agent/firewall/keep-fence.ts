/**
 * Notices that the fence's table is gone. What is done about it the agent knows, by what its host is just then; here is
 * only how it is known: a host that never had a lease has no such table, and needs none.
 */
export class FenceKeeper {
  readonly #isThere: () => Promise<boolean>;
  readonly #gone: () => Promise<void>;
  #wasThere = false;

  /** @param gone puts it back. Called in the very turn in which the look came to its end. */
  constructor(options: { isThere: () => Promise<boolean>; gone: () => Promise<void> }) {
    this.#isThere = options.isThere;
    this.#gone = options.gone;
  }

  /** @param isSaid somebody took it away: so it was there. Throws what either function throws; then it counts as gone still. */
  async look(isSaid: boolean): Promise<void> {
    this.#wasThere ||= isSaid;
    if (await this.#isThere()) this.#wasThere = true;
    else if (this.#wasThere) await this.#gone();
  }
}
