/** The SSH host key that the settings have for a host now: of a new machine, it is not the one that the stack was brought up with. */
import { z } from "zod";
import { readStackFile } from "../../infra/compare/stack-file.ts";
import type { Checkout } from "../ports.ts";

const hostsSchema = z.array(z.object({ name: z.string(), hostKey: z.string().optional() }));

/** @returns without a comment; null: the settings say none. @throws HoldfastError HF_CONFIG_INVALID when the file is none */
export async function settingsHostKey(checkout: Checkout, stack: string, host: string): Promise<string | null> {
  const file = `Pulumi.${stack.split("/").at(-1)}.yaml`;
  const text = await checkout.read(null, file);
  if (text === null) return null;
  const { "holdfast:hosts": hosts = "[]" } = readStackFile(text, file).config;
  const found = hostsSchema.safeParse(parsed(hosts)).data?.find(({ name }) => name === host)?.hostKey;
  return found === undefined ? null : found.trim().split(/\s+/).slice(0, 2).join(" ");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
