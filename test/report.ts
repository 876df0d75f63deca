/** What `npm test` takes from vitest's JSON report: counts, and each failure in a few words. Pure. */
import { relative } from "node:path";
import { stripVTControlCharacters } from "node:util";
import * as z from "zod";

export interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

const reportSchema = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numPendingTests: z.number(),
  numTodoTests: z.number(),
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string(),
      assertionResults: z.array(
        z.object({ fullName: z.string(), status: z.string(), failureMessages: z.array(z.string()).nullish() }),
      ),
    }),
  ),
});

type Report = z.infer<typeof reportSchema>;

export function parseReport(json: string): Report {
  return reportSchema.parse(JSON.parse(json));
}

/** A file that failed before its first test, or a run that failed without a failed test, counts as one failure. */
export function countsOf(report: Report, ok: boolean): Count {
  const broken = report.testResults.filter((f) => f.status === "failed" && f.assertionResults.length === 0).length;
  const failed = report.numFailedTests + broken;
  return {
    passed: report.numPassedTests,
    failed: failed === 0 && !ok ? 1 : failed,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/** In order. In a long run the first failure is far above the end, and often all others follow from it. */
export function failuresOf(report: Report, root: string): string[] {
  return report.testResults
    .filter((file) => file.status === "failed")
    .flatMap(({ name, message, assertionResults }) => {
      const failed = assertionResults
        .filter((result) => result.status === "failed")
        .map((result) => ({ title: result.fullName, messages: result.failureMessages ?? [] }));
      const all = failed.length > 0 ? failed : [{ title: "before or after its tests", messages: [message] }];
      return all.map(({ title, messages }) =>
        [`FAILED ${relative(root, name)}: ${title}`, ...messages.map((text) => `  ${shortened(text)}`)].join("\n"),
      );
    });
}

const headCharacters = 200;
/** A command's output is in its message, or what the hosts said, and what went wrong is at its end. */
const tailCharacters = 1500;

function shortened(message: string): string {
  const text = stripVTControlCharacters(message)
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("at "))
    .join(" | ");
  if (text.length <= headCharacters + tailCharacters) return text;
  return `${text.slice(0, headCharacters)} [...] ${text.slice(-tailCharacters)}`;
}
