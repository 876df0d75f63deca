/** What the lab's neard says of itself. The `lab-` keeps it apart from every real release. */

export const version = {
  release: "lab-2.13.4",
  build: "holdfast-lab-neard",
  commit: "0000000",
  rustc: "none",
  /** The newest protocol it speaks; option `protocolVersion` makes it an older one. */
  protocol: 84,
  db: 48,
} as const;

/** `neard --version`, as the real one prints it: two lines. */
export function versionLines(): string {
  const { release, build, commit, rustc, protocol, db } = version;
  return `neard (release ${release}) (build ${build}) (commit ${commit}) (rustc ${rustc}) (protocol ${protocol}) (db ${db})\nfeatures: []`;
}
