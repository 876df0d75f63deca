/**
 * Says on the error output what is being waited for, once a wait is long enough to wonder about.
 * On a terminal the line is replaced and goes away at the end; on a pipe each text is one line.
 */
import type { Clock, Terminal } from "../ports.ts";

/** Shorter waits say nothing. */
export const quietMs = 1500;

export interface Progress {
  /** Replaces what is shown. */
  update(text: string): void;
  end(): void;
}

/** Shows every text at once; for waits that are long by nature. */
export function startProgress(terminal: Pick<Terminal, "err" | "errIsTty">): Progress {
  let shown = "";
  const clear = () => {
    if (terminal.errIsTty && shown !== "") terminal.err("\r\x1b[2K");
  };
  return {
    update(text) {
      if (text === shown) return;
      clear();
      shown = text;
      terminal.err(terminal.errIsTty ? `${text} …` : `${text} …\n`);
    },
    end() {
      clear();
      shown = "";
    },
  };
}

/** Shows `text` only if `work` takes longer than `quietMs`. */
export async function withProgress<T>(
  terminal: Pick<Terminal, "err" | "errIsTty">,
  clock: Pick<Clock, "sleep">,
  text: string,
  work: Promise<T>,
): Promise<T> {
  const progress = startProgress(terminal);
  const settled = new AbortController();
  void clock.sleep(quietMs, settled.signal).then(() => {
    if (!settled.signal.aborted) progress.update(text);
  });
  try {
    return await work;
  } finally {
    settled.abort();
    progress.end();
  }
}
