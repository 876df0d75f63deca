/** Colours, or none: on a terminal only, never with --no-color or NO_COLOR. */
import picocolors from "picocolors";

export type Paint = ReturnType<typeof picocolors.createColors>;

export function createPaint(enabled: boolean): Paint {
  return picocolors.createColors(enabled);
}
