/**
 * Faults of the cloud. Two families: a request is answered wrongly or not at all, or an action that was accepted ends wrongly
 * or not at all. Each is used up after `times`.
 */
import * as z from "zod";

const counted = {
  /** How often; without it until it is cleared. */
  times: z.number().int().positive().optional(),
  /** So many matching ones pass first. */
  skip: z.number().int().nonnegative().optional(),
  /** Only in the project of this name. */
  project: z.string().optional(),
};

export const faultSchema = z.discriminatedUnion("on", [
  z.strictObject({
    on: z.literal("request"),
    ...counted,
    method: z.string().optional(),
    /** Regular expression, matched against the path with its query, `/servers/1/actions/poweroff`. */
    path: z.string().optional(),
    /**
     * error: answered with the code. lost: carried out, then the connection is cut. cut: the connection is cut and nothing
     * done. slow: carried out and answered after delayMs. silent: never answered.
     */
    outcome: z.enum(["error", "lost", "cut", "slow", "silent"]),
    /** Of `error`: an API's code. */
    code: z.string().default("unknown_error"),
    message: z.string().optional(),
    /** HTTP status other than the code's own. */
    status: z.number().int().min(400).max(599).optional(),
    /** Of `error`: no JSON in the answer, as from a proxy in between. */
    plain: z.boolean().optional(),
    delayMs: z.number().int().nonnegative().default(0),
  }),
  z.strictObject({
    on: z.literal("action"),
    ...counted,
    command: z.string(),
    /** Only on the server of this name. */
    server: z.string().optional(),
    /**
     * fail: ends with the code, nothing done. hang: nothing is done and it never ends. done-hang: done, and it never ends.
     * lie-off: ends well and the API says `off`, while the machine runs on. lie-running: ends well, nothing done, and the API says so.
     */
    outcome: z.enum(["fail", "hang", "done-hang", "lie-off", "lie-running", "slow"]),
    code: z.string().default("action_failed"),
    message: z.string().optional(),
    /** Of `slow`: it takes so much longer. */
    delayMs: z.number().int().nonnegative().default(0),
  }),
]);

export type Fault = z.infer<typeof faultSchema>;
export type FaultInput = z.input<typeof faultSchema>;
export type RequestFault = Extract<Fault, { on: "request" }>;
export type ActionFault = Extract<Fault, { on: "action" }>;

/** The first fault that meets what happens now; counted as used, and removed from `faults` when it is used up. */
export function takeFault<F extends Fault>(faults: Fault[], meets: (fault: Fault) => fault is F): F | undefined {
  for (const [index, fault] of faults.entries()) {
    if (!meets(fault)) continue;
    if ((fault.skip ?? 0) > 0) {
      fault.skip = (fault.skip ?? 0) - 1;
      continue;
    }
    if (fault.times !== undefined) {
      fault.times--;
      if (fault.times === 0) faults.splice(index, 1);
    }
    return fault;
  }
  return undefined;
}

export function takeRequestFault(
  faults: Fault[],
  request: { project: string | undefined; method: string; path: string },
): RequestFault | undefined {
  return takeFault(
    faults,
    (fault): fault is RequestFault =>
      fault.on === "request" &&
      (fault.project === undefined || fault.project === request.project) &&
      (fault.method === undefined || fault.method === request.method) &&
      (fault.path === undefined || new RegExp(fault.path).test(request.path)),
  );
}

export function takeActionFault(
  faults: Fault[],
  action: { project: string; command: string; server: string | undefined },
): ActionFault | undefined {
  return takeFault(
    faults,
    (fault): fault is ActionFault =>
      fault.on === "action" &&
      fault.command === action.command &&
      (fault.project === undefined || fault.project === action.project) &&
      (fault.server === undefined || fault.server === action.server),
  );
}
