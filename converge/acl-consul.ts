/** Asks Consul for its ACLs and autopilot settings, and does the steps of `acl.ts`. */
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { HoldfastError } from "../contract/errors.ts";
import type { Secrets } from "../contract/wire/host-spec.ts";
import { ConsulClient } from "../host/consul/client.ts";
import { ConsulRefused, ConsulUnknown, tokenUnknown } from "../host/consul/errors.ts";
import { type AclFacts, type AclSpec, type AclStep, aclSubject, describe, planAcl } from "./acl.ts";
import { readConsulAccess } from "./consul-access.ts";
import { ensureManagement, type Management, resetIndexIn } from "./management-token.ts";
import { type Progress, unhurried } from "./progress.ts";

const policyStubs = z.array(z.object({ ID: z.string(), Name: z.string() }));
const policySchema = z.object({ ID: z.string(), Name: z.string(), Description: z.string(), Rules: z.string() });
const tokensSchema = z.array(
  z.object({
    AccessorID: z.string(),
    SecretID: z.string(),
    Description: z.string(),
    Policies: z.array(z.object({ Name: z.string() })).nullish(),
  }),
);
const membersSchema = z.array(z.object({ Name: z.string(), Status: z.number() }));
/** Serf's numbers for a member that answers, and for one that stopped answering without a word. */
const alive = 1;
const failed = 4;
const autopilotSchema = z.record(z.string(), z.unknown());

/** Consul with the management token, as ACL calls need it. Close it after use. */
export class AclConsul implements Management {
  readonly #client: ConsulClient;
  readonly #managementToken: string;

  private constructor(client: ConsulClient, managementToken: string) {
    this.#client = client;
    this.#managementToken = managementToken;
  }

  static async open(managementToken: string): Promise<AclConsul> {
    const access = await readConsulAccess();
    if (access === null)
      throw new HoldfastError("HF_APPLY_FAILED", "Consul is not set up on this host, so its ACLs cannot be.", {
        next: "Apply the concern consul first.",
      });
    return new AclConsul(new ConsulClient({ ...access[0], token: managementToken }), managementToken);
  }

  close(): void {
    this.#client.close();
  }

  async knowsToken(): Promise<boolean> {
    try {
      await this.#client.request("get", "/acl/token/self");
      return true;
    } catch (error) {
      if (tokenUnknown(error)) return false;
      throw error;
    }
  }

  async bootstrap(): Promise<"done" | { readonly resetIndex: number }> {
    try {
      await this.#put("/acl/bootstrap", { BootstrapSecret: this.#managementToken });
      return "done";
    } catch (error) {
      const resetIndex = error instanceof Error ? resetIndexIn(error.message) : null;
      if (resetIndex === null) throw error;
      return { resetIndex };
    }
  }

  /**
   * Reads until Consul gives an answer: just after the first election the management token is not known yet.
   * @throws HoldfastError HF_TIMEOUT after `withinMs`.
   */
  async readFacts(withinMs: number, progress: Progress): Promise<AclFacts> {
    const now = () => performance.now();
    const startMs = now();
    const say = unhurried(progress, now);
    for (;;) {
      try {
        return await this.#readFacts();
      } catch (error) {
        if (!(error instanceof ConsulUnknown) && !(error instanceof ConsulRefused)) throw error;
        if (now() - startMs >= withinMs)
          throw new HoldfastError("HF_TIMEOUT", `Consul does not let its ACLs be read: ${error.message}.`, {
            next: "Look at journalctl -u holdfast-consul on this host.",
            cause: error,
          });
        say(`waiting for Consul's ACLs: ${error.message}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }

  async #readFacts(): Promise<AclFacts> {
    const stubs = policyStubs.parse(await this.#client.request("get", "/acl/policies"));
    const policies = await Promise.all(
      stubs.map(async ({ ID }) => policySchema.parse(await this.#client.request("get", `/acl/policy/${ID}`))),
    );
    const tokens = tokensSchema.parse(await this.#client.request("get", "/acl/tokens"));
    const members = membersSchema.parse(await this.#client.request("get", "/agent/members"));
    return {
      failed: members.filter(({ Status }) => Status === failed).map(({ Name }) => Name),
      members: members.filter(({ Status }) => Status === alive).map(({ Name }) => Name),
      policies: policies.map(({ ID, Name, Description, Rules }) => ({
        id: ID,
        name: Name,
        description: Description,
        rules: Rules,
      })),
      tokens: tokens.map(({ AccessorID, SecretID, Description, Policies }) => ({
        accessor: AccessorID,
        secret: SecretID,
        description: Description,
        policies: (Policies ?? []).map(({ Name }) => Name),
      })),
      autopilot: autopilotSchema.parse(await this.#client.request("get", "/operator/autopilot/configuration")),
    };
  }

  /** False also where Consul gives no answer at all. */
  async hasLeader(): Promise<boolean> {
    return await this.#client.leader().then(
      (leader) => leader !== null,
      () => false,
    );
  }

  async perform(step: AclStep): Promise<void> {
    switch (step.kind) {
      case "policy": {
        const body = { Name: step.name, Description: describe(step.name), Rules: step.rules };
        return this.#put(step.id === null ? "/acl/policy" : `/acl/policy/${step.id}`, body);
      }
      case "token": {
        const Policies = step.policies.map((Name) => ({ Name }));
        const id = step.accessor === null ? {} : { AccessorID: step.accessor };
        const body = { ...id, Description: describe(step.name), Policies };
        return step.exists
          ? this.#put(`/acl/token/${step.accessor}`, body)
          : this.#put("/acl/token", { ...body, SecretID: step.secret });
      }
      case "autopilot":
        return this.#put("/operator/autopilot/configuration", step.settings);
      case "force-leave":
        return this.#put(`/agent/force-leave/${encodeURIComponent(step.name)}`, {});
      case "delete-token":
        return this.#delete(`/acl/token/${step.accessor}`);
      case "delete-policy":
        return this.#delete(`/acl/policy/${step.id}`);
    }
  }

  async #put(path: string, body: unknown): Promise<void> {
    await this.#client.request("put", path, body);
  }

  async #delete(path: string): Promise<void> {
    await this.#client.request("delete", path);
  }
}

/**
 * Autopilot's settings, asked with the host's own token: `check` has no other, and policies and tokens it may not see.
 * @throws ConsulUnknown or ConsulRefused when it does not say
 */
export async function readAutopilot(): Promise<AclFacts["autopilot"] | null> {
  const access = await readConsulAccess();
  if (access === null) return null;
  const client = new ConsulClient(access[0]);
  try {
    return autopilotSchema.parse(await client.request("get", "/operator/autopilot/configuration"));
  } finally {
    client.close();
  }
}

/** Makes Consul's ACLs what the spec says; calls `done` after each change. */
export async function convergeAcl(
  spec: AclSpec,
  secrets: Secrets,
  options: { withinMs: number; progress: Progress; done(what: string, why: string): void },
): Promise<void> {
  const consul = await AclConsul.open(secrets[spec.managementSecret] ?? "");
  try {
    await ensureManagement(consul, {
      ...options,
      done: ({ what, why }) => options.done(what, why),
      nowMs: () => performance.now(),
      sleep: async (ms) => void (await sleep(ms)),
    });
    const steps = planAcl(spec, secrets, await consul.readFacts(options.withinMs, options.progress));
    for (const step of steps) {
      await consul.perform(step);
      options.done(aclSubject(step), step.why);
    }
  } finally {
    consul.close();
  }
}
