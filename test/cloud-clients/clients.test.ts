/**
 * The official clients as they are published, against the lab's cloud: Python's from PyPI and Go's from its module proxy. What they
 * take for Hetzner Cloud, our own code may be tried on.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type ListeningCloud, listeningCloud, otherProjectsToken, token } from "../../lab/cloud/testing.ts";

const publicKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBk0h1AN6ibGyRfQ8v0s5PZdj0kVnr5Nq8e3mJ1X3s7q";

let cloud: ListeningCloud;
beforeEach(async () => {
  cloud = await listeningCloud({ durationsMs: { default: 30 } });
  cloud.cloud.inject({ on: "action", command: "start_server", server: "hangs", outcome: "hang" });
  cloud.cloud.inject({
    on: "action",
    command: "create_server",
    server: "fails",
    outcome: "fail",
    code: "server_error",
  });
});
afterEach(() => cloud.close());

test("hcloud for Python: everything that holdfast needs, and the errors by their codes", async () => {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-python-"));
  try {
    await execa("python3", ["-m", "venv", directory]);
    const here = join(import.meta.dirname, "python");
    const pip = ["install", "--quiet", "--disable-pip-version-check", "-r", join(here, "requirements.txt")];
    await execa(join(directory, "bin/pip"), pip);
    const args = [join(here, "check.py"), cloud.endpoint, token, otherProjectsToken, publicKey];
    const { stdout } = await execa(join(directory, "bin/python"), args);
    const seen = JSON.parse(stdout);
    expect(seen).toMatchObject({
      soldOut: ["hel1"],
      image: "arm",
      zone: "eu-central",
      assigneeType: "unassigned",
      created: { status: "initializing", locked: true, password: null },
      server: {
        status: "running",
        location: "fsn1",
        private: ["10.1.1.2"],
        firewalls: [true],
        group: true,
        address: "203.0.113.10",
      },
      byLabel: ["a"],
      off: "off",
      on: "running",
      timeout: "start_server",
      failed: "server_error",
      pages: 61,
      left: ["hangs"],
      kept: null,
    });
    expect(seen.types).toBeGreaterThan(20);
    const codes = Object.fromEntries(
      Object.entries<{ code: string }>(seen.errors).map(([name, { code }]) => [name, code]),
    );
    expect(codes).toEqual({
      protected: "protected",
      unique: "uniqueness_error",
      assigned: "primary_ip_assigned",
      noRoom: "resource_unavailable",
      invalid: "invalid_input",
      missing: "not_found",
      stranger: "not_found",
      unknown: "unauthorized",
      locked: "locked",
      limit: "resource_limit_exceeded",
    });
    expect(Object.values<{ correlated: boolean }>(seen.errors).every(({ correlated }) => correlated)).toBe(true);
    expect(seen.errors.invalid.details.fields[0].name).toBe("name");
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test("hcloud-go: its client, and its schema without a field too many or too few", async () => {
  // Answered once with a limit: the client tries again by itself.
  cloud.cloud.inject({
    on: "request",
    path: "^/locations\\?",
    times: 1,
    outcome: "error",
    code: "rate_limit_exceeded",
  });
  const env = { ...process.env, GOFLAGS: "-mod=readonly", GOWORK: "off", CGO_ENABLED: "0" };
  const { stdout } = await execa("go", ["run", ".", cloud.endpoint, token, publicKey], {
    cwd: join(import.meta.dirname, "go"),
    env,
  });
  expect(cloud.cloud.state.faults.filter(({ on }) => on === "request")).toEqual([]);
  expect(JSON.parse(stdout)).toEqual({
    server: { status: "running", private: "10.1.1.2", ipv4: true, ipv6: true },
    differences: [],
    off: "off",
    errors: { unique: "uniqueness_error", noRoom: "resource_unavailable", invalid: "invalid_input" },
    field: "name",
    failed: "server_error",
    missing: true,
    retried: true,
    gone: true,
  });
});
