/** Messages to the Pulumi engine, which shows them with the resource they belong to. */
import * as grpc from "@grpc/grpc-js";
import engineRpc from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import engineMessages from "@pulumi/pulumi/proto/engine_pb.js";

export type Severity = "debug" | "info" | "warning" | "error";

const severities: Record<Severity, engineMessages.LogSeverity> = { debug: 0, info: 1, warning: 2, error: 3 };

export class Engine {
  readonly #client: InstanceType<typeof engineRpc.EngineClient>;
  #sent: Promise<void> = Promise.resolve();

  constructor(address: string) {
    this.#client = new engineRpc.EngineClient(address, grpc.credentials.createInsecure());
  }

  /** Sends a message; they arrive in order. `passing` ones are shown while the step runs and not kept. */
  log(severity: Severity, urn: string, message: string, passing = false): void {
    const request = new engineMessages.LogRequest();
    request.setSeverity(severities[severity]);
    request.setUrn(urn);
    request.setMessage(message);
    request.setEphemeral(passing);
    this.#sent = this.#sent.then(() => new Promise((resolve) => this.#client.log(request, () => resolve())));
  }

  /** Resolves when every message so far was taken. */
  async flush(): Promise<void> {
    await this.#sent;
  }
}
