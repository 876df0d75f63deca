/** Programs and data that a host needs as files: named by their checksum, packed by infra/artifacts/. */
import { posix } from "node:path";
import { paths } from "../../contract/paths.ts";

/** One file, known by the checksum of what it holds once unpacked. */
export interface Artifact {
  readonly name: string;
  /** Hexadecimal, of the unpacked file. */
  readonly sha256: string;
}

/** Of an artifact: its packed file on this machine, and the SHA-256 of that in hexadecimal. */
export type PackedFiles = (artifact: Artifact) => { readonly path: string; readonly sha256: string };

/** The artifacts for hosts of one architecture. */
export interface HostArtifacts {
  readonly node: Artifact;
  readonly holdfastd: Artifact;
  readonly consul: Artifact;
  readonly neard: Artifact;
  /** Absent where neard writes its own. */
  readonly genesis?: Artifact;
}

/** Where the packed artifact is on a host. The checksum in the name lets old and new stand side by side. */
export function uploadPath(artifact: Artifact): string {
  return posix.join(paths.upload, `${artifact.name}-${artifact.sha256.slice(0, 16)}.gz`);
}
