/** Said no, and what to do instead. */
export interface Refusal {
  readonly refused: string;
  readonly next: string;
}
