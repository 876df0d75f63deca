/** A Pulumi stack of one of the test's programs: state in a folder of its own, the real CLI, the real plugin. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { stringify } from "yaml";
import type { SettingsInput } from "../../infra/config/schema.ts";
import { pulumiEnvironment } from "../../toolchain/stack.ts";
import { ensureTools, type Tools } from "../../toolchain/tools.ts";
import { type Layout, layoutVariable } from "./program/layout.ts";

/** `program`: the small one, told by a layout. `holdfast`: holdfast's own part, told by its settings. */
export type ProgramName = "program" | "holdfast";

export interface Ran {
  readonly exitCode: number | undefined;
  /** Everything it said. */
  readonly said: string;
}

export interface StateResource {
  readonly urn: string;
  readonly type: string;
  readonly id?: string;
  readonly inputs?: Record<string, unknown>;
  readonly outputs?: Record<string, unknown>;
  readonly initErrors?: readonly string[];
}

export class Stack {
  readonly #folder = mkdtempSync(join(tmpdir(), "holdfast-cloud-"));
  readonly #tools: Pick<Tools, "pulumi" | "pulumi-language-nodejs" | "command-plugin" | "hcloud-plugin">;

  readonly #program: ProgramName;

  private constructor(
    program: ProgramName,
    tools: Pick<Tools, "pulumi" | "pulumi-language-nodejs" | "command-plugin" | "hcloud-plugin">,
  ) {
    this.#program = program;
    this.#tools = tools;
  }

  static async make(program: ProgramName = "program"): Promise<Stack> {
    const stack = new Stack(
      program,
      await ensureTools({ only: ["pulumi", "pulumi-language-nodejs", "command-plugin", "hcloud-plugin"] }),
    );
    mkdirSync(join(stack.#folder, "state"));
    writeFileSync(join(stack.#folder, "passphrase"), "of a test\n");
    await stack.#mustRun(["stack", "init", "--no-select"]);
    return stack;
  }

  /** Writes holdfast's settings, those that are secret encrypted. */
  async configure(settings: SettingsInput): Promise<void> {
    const { validatorKey, ssh = {}, hcloud, ...open } = settings;
    const { token, ...section } = hcloud ?? { token: undefined };
    const { privateKey = "", ...login } = ssh;
    const plain = { ...open, ssh: login, ...(hcloud === undefined ? {} : { hcloud: section }) };
    const config = Object.entries(plain).map(([name, value]) => [`holdfast:${name}`, value]);
    writeFileSync(this.#configFile, stringify({ config: Object.fromEntries(config) }));
    const secrets = { validatorKey, "ssh.privateKey": privateKey, "hcloud.token": token };
    const named = Object.entries(secrets).filter(([, secret]) => secret !== undefined);
    const given = named.flatMap(([path, secret]) => ["--secret", `holdfast:${path}=${secret}`]);
    await this.#mustRun(["config", "set-all", "--path", ...given]);
  }

  up(layout?: Layout, ...more: string[]): Promise<Ran> {
    return this.run(["up", "--yes", "--skip-preview", ...more], layout);
  }

  preview(layout?: Layout, ...more: string[]): Promise<Ran> {
    return this.run(["preview", "--diff", ...more], layout);
  }

  destroy(layout?: Layout, ...more: string[]): Promise<Ran> {
    return this.run(["destroy", "--yes", "--skip-preview", ...more], layout);
  }

  /**
   * Starts an up and kills it, with SIGKILL, half a second after `when` holds: the engine has then written down what it is about to
   * do, and waits. (Killed while it writes, it may leave an empty state: the file backend does not replace it in one step.)
   */
  async upKilled(layout: Layout | undefined, when: () => boolean): Promise<void> {
    const child = this.#start(["up", "--yes", "--skip-preview"], layout, true);
    while (child.exitCode === null && !when()) await sleep(5);
    await sleep(500);
    // The whole group: the engine, the program and the plugins.
    if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    await child;
  }

  run(args: readonly string[], layout?: Layout): Promise<Ran> {
    return this.#start(args, layout, false).then(({ exitCode, all }) => ({ exitCode, said: String(all) }));
  }

  /** Resources of the plugin in the state, by their name; the server's is the bare one. */
  async resources(): Promise<Map<string, StateResource>> {
    const { deployment } = JSON.parse(await this.#mustRun(["stack", "export"])) as {
      deployment: { resources?: StateResource[] };
    };
    const own = (deployment.resources ?? []).filter(({ type }) => type.startsWith("hcloud:"));
    return new Map(own.map((resource) => [resource.urn.split("::").at(-1) ?? "", resource]));
  }

  urnOf(name: string): string {
    return `urn:pulumi:test::cloud-tests::hcloud:index/server:Server::${name}`;
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #mustRun(args: readonly string[]): Promise<string> {
    const { exitCode, stdout, all } = await this.#start(args, undefined, false);
    if (exitCode !== 0) throw new Error(`pulumi ${args.join(" ")}: ${String(all)}`);
    return String(stdout);
  }

  get #configFile(): string {
    return join(this.#folder, "settings.yaml");
  }

  #start(args: readonly string[], layout: Layout | undefined, detached: boolean) {
    const config =
      existsSync(this.#configFile) && !["stack", "cancel"].includes(args[0] ?? "")
        ? ["--config-file", this.#configFile]
        : [];
    const common = ["--stack", "test", ...config, "--non-interactive", "--color", "never"];
    return execa(this.#tools.pulumi.path, [...args, ...common], {
      cwd: join(import.meta.dirname, this.#program),
      env: {
        ...process.env,
        ...pulumiEnvironment(this.#tools),
        PULUMI_BACKEND_URL: `file://${join(this.#folder, "state")}`,
        PULUMI_CONFIG_PASSPHRASE_FILE: join(this.#folder, "passphrase"),
        PULUMI_CONFIG_PASSPHRASE: undefined,
        ...(layout === undefined ? {} : { [layoutVariable]: JSON.stringify(layout) }),
      },
      extendEnv: false,
      stdin: "ignore",
      all: true,
      reject: false,
      detached,
    });
  }
}
