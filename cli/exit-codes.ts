/** What `holdfast` ends with. Scripts and monitoring rely on these numbers; `holdfast --help` prints them. */
import type { CommanderError } from "commander";

export const exitCodes = {
  /** Done; for `status`: one host is active, and nothing is known to be amiss. */
  ok: 0,
  /** It did not happen; the message says why. */
  failed: 1,
  /** Wrong use of the command line. */
  usage: 2,
  /** `check`: a host is not as it was deployed. `plan --detailed-exitcode`: something would be done on a host. */
  drift: 3,
  /**
   * `status`: no host is active, the chain does not take what it signs, or something is amiss with one of them.
   * `switchover`: the key has moved, and the new host is not heard yet.
   * `replace`: the host is out of service and waits for its new machine.
   * `fence test`: a power device could not be read.
   */
  degraded: 4,
  /** `status`: more than one host says that it is active. */
  alarm: 5,
  /** Ended by Ctrl-C before it was done. */
  interrupted: 130,
  /** The reader of its output left before the end, as with `| head`: what a shell says of a program that SIGPIPE ended. */
  unread: 141,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** The paragraph about exit codes in `holdfast --help`. */
export const exitCodesHelp = `Exit codes:
  0    done; status: one host is active and nothing is amiss
  1    it did not happen; the message says why
  2    wrong use of the command line
  3    check: a host is not as it was deployed;
       plan --detailed-exitcode: something would be done on a host
  4    status: no host is active, the chain does not take what it signs, or
       something is amiss with one of them;
       switchover: the key has moved, but the new host is not heard yet;
       replace: the host is out of service and waits for its new machine;
       fence test: a power device could not be read
  5    status: more than one host says that it is active
  130  ended by Ctrl-C before it was done
  141  whoever read its output left before the end (| head)`;

/** For what commander throws after it has told it: the help that was asked for is no error. */
export const exitCodeOf = ({ exitCode }: CommanderError): ExitCode => (exitCode === 0 ? exitCodes.ok : exitCodes.usage);
