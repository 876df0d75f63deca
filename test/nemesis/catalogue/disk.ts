/** Disks that are full or have failed, and file descriptors that have run out. */
import { afterHealMs, failoverMs, undisturbedMs } from "../bounds.ts";
import { fault, inArea, type Scenario } from "../scenario.ts";

export const disk: readonly Scenario[] = inArea("disk", [
  fault("disk-full", "active", 20_000, {
    name: "disk-full-holder",
    sentence: "The holder's disk is full for 20 s.",
    expects: "stays",
    boundMs: undisturbedMs,
  }),
  {
    name: "disk-full-consul-leader",
    sentence: "The disk of Consul's leader, the arbiter, is full for 25 s.",
    expects: "recovers",
    boundMs: afterHealMs,
    run: async (stage) => {
      await stage.leadBy(stage.arbiter);
      await stage.inject("disk-full", stage.arbiter);
      await stage.wait(25_000);
      await stage.heal();
    },
  },
  fault("disk-read-only", "active", 20_000, {
    name: "disk-read-only-holder",
    sentence: "The holder's file system fails and is read-only for 20 s; then the host is checked and rebooted.",
    expects: "either",
    boundMs: failoverMs,
  }),
  fault("disk-read-only", "standby", 15_000, {
    name: "disk-read-only-standby",
    sentence: "The standby's file system fails and is read-only for 15 s; then the host is checked and rebooted.",
    expects: "stays",
    boundMs: undisturbedMs,
  }),
  fault("no-files-agent", "active", 20_000, {
    name: "no-files-agent",
    sentence: "The holder's agent can open no more files, connections or programs for 20 s.",
    expects: "either",
    boundMs: failoverMs,
  }),
  fault("no-files-consul", "active", 20_000, {
    name: "no-files-consul",
    sentence: "The holder's Consul can open no more files or connections for 20 s.",
    expects: "stays",
    boundMs: undisturbedMs,
  }),
  fault("no-files-neard", "active", 20_000, {
    name: "no-files-neard",
    sentence: "The holder's neard can open no more files or connections for 20 s.",
    expects: "either",
    boundMs: failoverMs,
  }),
]);
