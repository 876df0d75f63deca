/**
 * `holdfast status --watch`: every host is asked once a second on a connection that stays open, each at
 * its own pace, so a dead host (3 s a question) never slows the picture of the others.
 */
import type { StackOutputs } from "../../contract/wire/stack-outputs.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import type { HostLinks } from "../hosts/host-links.ts";
import type { Ports } from "../ports.ts";
import { withProgress } from "../terminal/progress.ts";
import { askHost, askHosts, confirmClaims } from "./ask-hosts.ts";
import { clusterView } from "./cluster-view.ts";
import type { ClusterView, HostAnswer } from "./views.ts";

const periodMs = 1000;

/** @param options.oneLine each picture is one line of a stream, not a page for people */
export async function watchStatus(
  ports: Pick<Ports, "terminal" | "clock" | "interrupted">,
  cluster: StackOutputs,
  links: HostLinks,
  show: (view: ClusterView) => string,
  options: { oneLine: boolean },
): Promise<ExitCode> {
  const { terminal, clock, interrupted } = ports;
  const picture = (text: string) => {
    if (options.oneLine) return `${text}\n`;
    return terminal.outIsTty ? drawOver(text) : `${text}\n\n`;
  };
  const names = cluster.hosts.map((host) => host.name);
  const latest = new Map<string, HostAnswer>();

  async function follow(host: string): Promise<void> {
    let askedMs = clock.monotonicMs();
    while (!interrupted.aborted) {
      await clock.sleep(periodMs - (clock.monotonicMs() - askedMs), interrupted);
      askedMs = clock.monotonicMs();
      latest.set(host, await askHost(links, host));
    }
  }

  async function draw(): Promise<void> {
    while (!interrupted.aborted) {
      const answers = await confirmClaims(links, [...latest.values()]);
      if (interrupted.aborted) return;
      terminal.out(picture(show(clusterView(cluster, answers))));
      await clock.sleep(periodMs, interrupted);
    }
  }

  async function watch(): Promise<void> {
    const first = await withProgress(terminal, clock, `asking ${names.length} hosts`, askHosts(links, names));
    for (const answer of first) latest.set(answer.host, answer);
    await Promise.all([...names.map(follow), draw()]);
  }

  // Ctrl-C does not wait for a question to a dead host.
  await Promise.race([watch(), aborted(interrupted)]);
  return exitCodes.ok;
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

/** From the top of the screen; each line's and the screen's rest is erased after writing, so nothing flickers. */
function drawOver(text: string): string {
  return `\x1b[H${text.replaceAll("\n", "\x1b[K\n")}\x1b[K\n\x1b[J`;
}
