/** `--neard FILE`, as every command has it that can bring a lab up. */
import { Option } from "commander";
import type { LabNeard } from "../hosts/description.ts";
import { inspectNeard } from "./binary.ts";

/** Names the real neard where no option does. */
export const neardVariable = "HOLDFAST_NEARD";

export const neardOption = (): Option =>
  new Option("--neard <file>", "a real neard, for the hosts and as the network around them").env(neardVariable);

/** What was asked for, looked at; null when nothing was. @throws HoldfastError HF_ARTIFACT_UNAVAILABLE */
export async function neardAskedFor(file: string | undefined): Promise<LabNeard | null> {
  return file === undefined || file === "" ? null : await inspectNeard(file);
}
