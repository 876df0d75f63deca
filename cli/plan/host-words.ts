/** What happens to a host, in a few words that text and page share. Pure. */
import type { HostChange } from "../../infra/compare/host-changes.ts";

export function hostWords(host: HostChange): string {
  switch (host.state) {
    case "same":
      return "nothing";
    case "new":
      return "new: everything is made";
    case "replaced":
      return "another SSH host key, so another machine: everything is made anew";
    case "leaves":
      return "leaves: hands over if it is active, leaves Consul, is cleaned up";
    case "gone":
      return "gone: nothing is sent to it, its token dies";
    case "changes":
      return changeWords(host);
  }
}

function changeWords({ concerns, runtime, machine }: Pick<HostChange, "concerns" | "runtime" | "machine">): string {
  const ofMachine = machine.map(({ what, powersOff }) =>
    powersOff ? `${what}: powered off and on` : `${what}: when the machine is replaced`,
  );
  if (ofMachine.length > 0) {
    const rest = concerns.length === 0 && !runtime ? [] : [changeWords({ concerns, runtime, machine: [] })];
    return [...ofMachine, ...rest].join("; ");
  }
  const restarts = concerns.flatMap((concern) => concern.restarts);
  const reloads = concerns.flatMap((concern) => concern.reloads);
  const parts = [
    ...(restarts.length > 0 ? [`restarts ${restarts.map(unitName).join(", ")}`] : []),
    ...(reloads.length > 0 ? [`reloads ${reloads.map(unitName).join(", ")}`] : []),
  ];
  if (parts.length > 0) return parts.join("; ");
  if (concerns.length > 0) return `${concerns.map(({ concern }) => concern).join(", ")}: nothing restarts`;
  return runtime ? "programs, nothing restarts" : "another way to log in";
}

const unitName = (unit: string) => unit.replace(/\.service$/, "");
