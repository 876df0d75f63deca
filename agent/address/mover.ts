/** Moves an address to this host. Two ways to do it: neighbours.ts and operators-command.ts. */
export interface AddressMover {
  /**
   * Has this host answer for `address` for `forMs`, after which it is given back whatever becomes of us.
   * Returns once it has been announced. @throws Error that says why it cannot be had
   */
  take(address: string, forMs: number): Promise<void>;
}
