/** The versions and checksums of every tool (lock.json), typed. */
import lockJson from "./lock.json" with { type: "json" };

export type ToolName = keyof typeof lockJson;
export const toolNames = Object.keys(lockJson) as ToolName[];

/** Node's names of processor architectures. */
export type Arch = "x64" | "arm64";

export interface Download {
  url: string;
  /** Of the archive. */
  sha256?: string;
  /** Where the vendor publishes it (`SHA256  FILE` lines), for archives whose checksum is not in the lock. */
  sha256From?: string;
}

export interface LockedTool {
  version: string;
  /** Versions that are taken from PATH; without it none are. */
  accept?: { atLeast: string; below: string };
  downloads?: Record<Arch, Download>;
  /** The Go package, and the variable in it that the version is written to. */
  build?: { package: string; versionVariable?: string };
}

export const lock: Record<ToolName, LockedTool> = lockJson;

/** This machine's architecture, as far as there are tools for it. */
export function machineArch(): Arch | undefined {
  return process.platform === "linux" && (process.arch === "x64" || process.arch === "arm64")
    ? process.arch
    : undefined;
}

/** Compares two versions number by number; anything after the three numbers does not count. */
export function compareVersions(a: string, b: string): number {
  const numbers = (version: string): number[] => version.replace(/^v/, "").split(/[.+-]/, 3).map(Number);
  const [left, right] = [numbers(a), numbers(b)];
  for (let index = 0; index < 3; index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return Math.sign(difference);
  }
  return 0;
}

export function isAccepted(version: string, { accept }: LockedTool): boolean {
  return (
    accept !== undefined && compareVersions(version, accept.atLeast) >= 0 && compareVersions(version, accept.below) < 0
  );
}
