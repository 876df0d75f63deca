import { expect, test } from "vitest";
import { describeError } from "../../contract/errors.ts";
import { testOutputs } from "../testing/cluster.ts";
import { parseOutputs } from "./parse-outputs.ts";

const good = testOutputs();

test("outputs of a stack that is up", () => {
  expect(parseOutputs({ exitCode: 0, stdout: JSON.stringify(good), stderr: "" }, undefined)).toEqual(good);
});

test.each([
  ["The stack localnet was not brought up yet.", {}, "up --stack localnet"],
  ["(hosts: Invalid input", { ...good, hosts: "none" }, "same version"],
])("outputs that are not there: %s", (message, outputs, next) => {
  const parse = () => parseOutputs({ exitCode: 0, stdout: JSON.stringify(outputs), stderr: "" }, "localnet");
  expect(parse).toThrow(
    expect.objectContaining({
      code: "HF_STACK_UNAVAILABLE",
      message: expect.stringContaining(message),
      next: expect.stringContaining(next),
    }),
  );
});

// What pulumi 3.259 says, word for word.
test.each([
  [
    "HF_STACK_UNAVAILABLE",
    "No stack is selected.",
    "error: no stack selected; please use `pulumi stack select` to choose one",
  ],
  ["HF_STACK_UNAVAILABLE", "There is no stack nope.", "error: no stack named 'nope' found"],
  [
    "HF_PASSPHRASE",
    "The stack's passphrase is wrong.",
    "error: failed to decrypt: incorrect passphrase, please set PULUMI_CONFIG_PASSPHRASE to the correct passphrase or set PULUMI_CONFIG_PASSPHRASE_FILE to a file containing the passphrase",
  ],
  [
    "HF_PASSPHRASE",
    "The stack's passphrase is missing.",
    'error: constructing secrets manager of type "passphrase": constructing secrets manager: passphrase must be set with PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE environment variables',
  ],
  [
    "HF_PASSPHRASE",
    "The file that PULUMI_CONFIG_PASSPHRASE_FILE names cannot be read.",
    'error: constructing secrets manager of type "passphrase": constructing secrets manager: unable to read PULUMI_CONFIG_PASSPHRASE_FILE: open /nonexistent: no such file or directory',
  ],
  [
    "HF_STACK_UNAVAILABLE",
    "There is no Pulumi.yaml here.",
    "error: no Pulumi.yaml project file found (searching upwards from /srv). If you have not created a project yet, use `pulumi new` to do so: no project file found",
  ],
  [
    "HF_STACK_UNAVAILABLE",
    "Pulumi does not know where the stacks are kept.",
    "error: PULUMI_ACCESS_TOKEN must be set for login during non-interactive CLI sessions",
  ],
  [
    "HF_STACK_UNAVAILABLE",
    "The stack's outputs could not be read: unable to open state directory",
    'error: unable to open state directory "file:///nonexistent/x": stat /nonexistent/x: no such file or directory',
  ],
])("%s: %s", (code, message, stderr) => {
  const parse = () => parseOutputs({ exitCode: 1, stdout: "", stderr: `${stderr}\n` }, "nope");
  expect(parse).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) }));
});

test("every such error says what next", () => {
  try {
    parseOutputs({ exitCode: 255, stdout: "", stderr: "error: something new" }, undefined);
    expect.unreachable();
  } catch (error) {
    expect(describeError(error)).toMatch(/something new\n {2}next: .+\n {2}\(HF_STACK_UNAVAILABLE/);
  }
});
