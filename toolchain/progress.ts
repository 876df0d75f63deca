/** How long steps tell that they are alive: at their start, every two seconds, and at their end. */

export interface Progress {
  tool: string;
  /** What is being done, and how far: "building with Go: 812 packages compiled". */
  step: string;
  elapsedMs: number;
  /** The file that has the details, if there is one. */
  logFile?: string;
}

export type OnProgress = (progress: Progress) => void;

const tickMs = 2_000;

export class Step {
  readonly #startedAtMs = performance.now();
  readonly #report: () => void;
  readonly #timer: NodeJS.Timeout;
  /** What is shown; may change while the step runs. */
  text: string;

  constructor(tool: string, text: string, onProgress: OnProgress | undefined, logFile?: string) {
    this.text = text;
    this.#report = () =>
      onProgress?.({
        tool,
        step: this.text,
        elapsedMs: Math.round(performance.now() - this.#startedAtMs),
        ...(logFile === undefined ? {} : { logFile }),
      });
    this.#report();
    this.#timer = setInterval(this.#report, tickMs);
  }

  end(): void {
    clearInterval(this.#timer);
  }
}

/** Runs an action as one step. */
export async function asStep<T>(
  tool: string,
  text: string,
  onProgress: OnProgress | undefined,
  action: (step: Step) => Promise<T>,
  logFile?: string,
): Promise<T> {
  const step = new Step(tool, text, onProgress, logFile);
  try {
    return await action(step);
  } finally {
    step.end();
  }
}
