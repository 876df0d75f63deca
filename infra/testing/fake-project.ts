/** Hetzner's API as one project's token sees it, for tests: lists, and images by their ids. */
import { HcloudClient } from "../../hcloud/client.ts";
import type { Image, Location, ServerType } from "../../hcloud/schemas.ts";
import type { ProjectFacts } from "../preflight/cloud-state.ts";
import { sampleImage, sampleLocations, sampleTypes } from "./cloud.ts";
import { sampleToken } from "./sample.ts";

interface Catalogue {
  readonly serverTypes?: readonly ServerType[];
  readonly locations?: readonly Location[];
  readonly images?: readonly Image[];
}

export class FakeProject {
  /** Collections, as they were asked for. */
  readonly asked: string[] = [];
  readonly #has: Readonly<Record<string, readonly unknown[]>>;
  readonly #answer: Error | "unauthorized" | undefined;

  /** @param has what is there; or an error of fetch's, or that the token is refused */
  constructor(has: Partial<ProjectFacts> | Error | "unauthorized", catalogue: Catalogue = {}) {
    this.#answer = has instanceof Error || has === "unauthorized" ? has : undefined;
    this.#has = {
      ...(this.#answer === undefined ? (has as Partial<ProjectFacts>) : {}),
      server_types: catalogue.serverTypes ?? sampleTypes,
      locations: catalogue.locations ?? sampleLocations,
      images: catalogue.images ?? [sampleImage()],
    };
  }

  client(): HcloudClient {
    return new HcloudClient({ token: sampleToken, fetch: async (url) => this.#respond(new URL(String(url))) });
  }

  #respond(url: URL): Response {
    if (this.#answer instanceof Error) throw this.#answer;
    const refuse = (status: number, code: string) =>
      new Response(JSON.stringify({ error: { code, message: code } }), { status });
    if (this.#answer === "unauthorized") return refuse(401, "unauthorized");
    const [name = "", id] = url.pathname.split("/").slice(2);
    if (id !== undefined) return refuse(404, "not_found");
    this.asked.push(name);
    return new Response(JSON.stringify({ [name]: this.#has[name] ?? [] }));
  }
}
