/** File systems of which nothing is ever on a disk of ours, by the numbers that statfs(2) gives (linux/magic.h). */
const tmpfs = 0x01021994;
export const ramfs = 0x858458f6;

export const memoryFileSystems: ReadonlySet<number> = new Set([tmpfs, ramfs]);
