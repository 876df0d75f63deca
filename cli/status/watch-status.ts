/**
 * `holdfast status --watch`: every host is asked once a second on a connection that stays open, each at
 * its own pace, so a dead host (3 s a question) never slows the picture of the others.
 */
import type { StackOutputs } from "../../contract/stack-outputs.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import type { HostLinks } from "../hosts/host-links.ts";
import type { Ports } from "../ports.ts";
import { askHost, confirmClaims } from "./ask-hosts.ts";
import { type ClusterView, clusterView, type HostAnswer } from "./cluster-view.ts";

const periodMs = 1000;

/** @param options.redraw on a terminal: draw over the last picture instead of below it */
export async function watchStatus(
  ports: Pick<Ports, "terminal" | "clock" | "interrupted">,
  cluster: StackOutputs,
  links: HostLinks,
  show: (view: ClusterView) => string,
  options: { redraw: boolean },
): Promise<ExitCode> {
  const { terminal, clock, interrupted } = ports;
  const inPlace = options.redraw && terminal.outIsTty;
  const names = cluster.hosts.map((host) => host.name);
  const latest = new Map<string, HostAnswer>();

  async function follow(host: string): Promise<void> {
    while (!interrupted.aborted) {
      const startMs = clock.monotonicMs();
      latest.set(host, await askHost(links, host));
      await clock.sleep(periodMs - (clock.monotonicMs() - startMs), interrupted);
    }
  }

  async function draw(): Promise<void> {
    while (!interrupted.aborted) {
      // The first picture waits until every host had its chance to answer.
      if (latest.size === names.length) {
        const answers = await confirmClaims(links, [...latest.values()]);
        if (interrupted.aborted) return;
        const text = show(clusterView(cluster, answers));
        terminal.out(inPlace ? drawOver(text) : `${text}\n`);
      }
      await clock.sleep(latest.size === names.length ? periodMs : periodMs / 10, interrupted);
    }
  }

  await Promise.all([...names.map(follow), draw()]);
  return exitCodes.ok;
}

/** From the top of the screen; each line's and the screen's rest is erased after writing, so nothing flickers. */
function drawOver(text: string): string {
  return `\x1b[H${text.replaceAll("\n", "\x1b[K\n")}\x1b[K\n\x1b[J`;
}
