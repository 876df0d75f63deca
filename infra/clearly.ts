/** Ends the program with one clear message, without a stack trace, for whatever an operator can set right. */
import * as pulumi from "@pulumi/pulumi";
import { describeError, HoldfastError } from "../contract/errors.ts";
import { FaultsError } from "./config/faults.ts";

export async function clearly<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof FaultsError || error instanceof HoldfastError) throw new pulumi.RunError(describeError(error));
    throw error;
  }
}
