/** A device that can cut a host's power and say whether it has any. Two of them: hcloud-device.ts and command-device.ts. */

export interface PowerBounds {
  /** The call must end by then, one way or the other. */
  readonly withinMs: number;
  /** Ends the call early. What was sent may take place all the same. */
  readonly signal: AbortSignal;
}

export interface ReadBounds extends PowerBounds {
  /** Nothing hangs on it, as of a look now and then: it may take the answer of a reading that was begun before it was asked for. */
  readonly isIdle?: boolean;
}

export interface DeviceReading {
  /** `off`: the device said so in so many words. Whatever else it says is `on`, or an error. */
  readonly state: "on" | "off";
  /** What the device calls the machine, and by what it was told to be the right one: for people. */
  readonly because: string;
}

export interface PowerDevice {
  /** As in the settings. */
  readonly kind: "hcloud" | "command";
  /** Between two readings while one waits for it to be off. */
  readonly pollMs: number;
  /** @throws WrongMachine when the device answers for another machine; Error when nothing can be told */
  read(bounds: ReadBounds): Promise<DeviceReading>;
  /** Cuts the power, at once and without asking the machine. Its end proves nothing: only a reading does. */
  cut(bounds: PowerBounds): Promise<void>;
  /** Gives power back. */
  give(bounds: PowerBounds): Promise<void>;
}

/** The device answers, but for another machine than the host: nothing may be done to that one. */
export class WrongMachine extends Error {}
