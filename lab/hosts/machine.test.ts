import { expect, test } from "vitest";
import { cgroupMounts } from "./machine.ts";
import { seedFiles } from "./seed.ts";

test("cgroups: version 2 alone, and beside version 1's name=systemd", () => {
  const unified = "proc /proc proc rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n";
  expect(cgroupMounts(unified)).toEqual({ unified: "/sys/fs/cgroup", named: null, cpu: null });
  const hybrid =
    "cgroup /sys/fs/cgroup/freezer cgroup rw,freezer 0 0\n" +
    "cgroup /sys/fs/cgroup/systemd cgroup rw,xattr,name=systemd 0 0\n" +
    "cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0\n" +
    "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
  expect(cgroupMounts(hybrid)).toEqual({
    unified: "/sys/fs/cgroup/unified",
    named: "/sys/fs/cgroup/systemd",
    cpu: "/sys/fs/cgroup/cpu,cpuacct",
  });
});

test("a machine without cgroup version 2 is told how to mount it", () => {
  expect(() => cgroupMounts("cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n")).toThrow(
    expect.objectContaining({ code: "HF_LAB", next: expect.stringContaining("mount -t cgroup2") }),
  );
});

test("a host knows its name and address, has no gateway, and lets only the lab's key in", () => {
  const files = seedFiles(
    { name: "host-a", addresses: ["10.77.1.11/24"] },
    { machineId: "ab", loginKey: "ssh-ed25519 K\n" },
  );
  expect(files["etc/hostname"]?.content).toBe("host-a\n");
  expect(files["etc/systemd/network/10-host0.network"]?.content).toContain("Address=10.77.1.11/24");
  expect(files["etc/systemd/network/10-host0.network"]?.content).not.toContain("Gateway");
  expect(files["root/.ssh/authorized_keys"]).toEqual({ content: "ssh-ed25519 K\n", mode: 0o600 });
});
