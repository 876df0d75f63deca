/**
 * What a step will leave in the state, as far as a preview can know it. Pure.
 * The results of a command are unknown when it is made, and when an input that was there before changes or
 * goes; when inputs are only added, the official plugin keeps the old results, and so do we.
 */
import { equal, isUnknown, type Properties, unknown } from "./values.ts";

export const previewOfCreate = (inputs: Properties): Properties => ({ ...inputs, stdout: unknown, stderr: unknown });

/** `inputNames` are all the inputs that the resource type has. */
export function previewOfUpdate(inputNames: readonly string[], state: Properties, inputs: Properties): Properties {
  const changed = inputNames.some(
    (name) => isUnknown(inputs[name]) || ((state[name] ?? null) !== null && !equal(inputs[name], state[name])),
  );
  return {
    ...inputs,
    stdout: changed ? unknown : (state.stdout ?? ""),
    stderr: changed ? unknown : (state.stderr ?? ""),
  };
}
