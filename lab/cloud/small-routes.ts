/** SSH keys and placement groups. */
import { createHash } from "node:crypto";
import * as z from "zod";
import { ApiError, invalidField, notUnique } from "./api-error.ts";
import type { Route } from "./context.ts";
import { applyRename, find, labels, name, parse, rename, requireFreeName } from "./input.ts";
import { showPlacementGroup, showSshKey } from "./shown.ts";
import type { PlacementGroup, SshKey } from "./state.ts";

/** MD5 over the key itself, in pairs, as the API shows it. @throws ApiError invalid_input */
function fingerprintOf(publicKey: string): string {
  const [type, base64] = publicKey.trim().split(/\s+/);
  const bytes = Buffer.from(base64 ?? "", "base64");
  const length = bytes.length >= 4 ? bytes.readUInt32BE(0) : 0;
  if (type === undefined || bytes.subarray(4, 4 + length).toString("latin1") !== type)
    throw invalidField("public_key", "is no SSH public key");
  return (createHash("md5").update(bytes).digest("hex").match(/../g) as string[]).join(":");
}

const sshKeyBody = z.object({ name, public_key: z.string(), labels: labels.default({}) });

const sshKeys: Route[] = [
  {
    method: "GET",
    path: "/ssh_keys",
    handle: (context) => {
      const fingerprint = context.query.get("fingerprint");
      const found = context.project.ssh_keys.filter((key) => fingerprint === null || key.fingerprint === fingerprint);
      return context.page("ssh_keys", found, (key) => showSshKey(context, key));
    },
  },
  {
    method: "POST",
    path: "/ssh_keys",
    handle: (context) => {
      const { name, public_key, labels } = parse(sshKeyBody, context.body);
      const { ssh_keys } = context.project;
      const fingerprint = fingerprintOf(public_key);
      if (ssh_keys.some((key) => key.fingerprint === fingerprint)) throw notUnique("public_key", "SSH key not unique");
      requireFreeName(ssh_keys, name);
      const key: SshKey = {
        id: context.newId(),
        name,
        labels,
        createdMs: context.nowMs,
        publicKey: public_key.trim(),
        fingerprint,
      };
      ssh_keys.push(key);
      return { status: 201, body: { ssh_key: showSshKey(context, key) } };
    },
  },
  {
    method: "GET",
    path: "/ssh_keys/:id",
    handle: (context) => ({
      body: { ssh_key: showSshKey(context, find(context.project.ssh_keys, "ssh_key", context.at.id ?? "")) },
    }),
  },
  {
    method: "PUT",
    path: "/ssh_keys/:id",
    handle: (context) => {
      const key = find(context.project.ssh_keys, "ssh_key", context.at.id ?? "");
      applyRename(context.project.ssh_keys, key, parse(rename, context.body));
      return { body: { ssh_key: showSshKey(context, key) } };
    },
  },
  {
    method: "DELETE",
    path: "/ssh_keys/:id",
    handle: ({ project, at }) => {
      const key = find(project.ssh_keys, "ssh_key", at.id ?? "");
      project.ssh_keys = project.ssh_keys.filter((other) => other !== key);
      return { status: 204 };
    },
  },
];

const mostGroups = 50;
const groupBody = z.object({ name, type: z.literal("spread"), labels: labels.default({}) });

const placementGroups: Route[] = [
  {
    method: "GET",
    path: "/placement_groups",
    handle: (context) =>
      context.page("placement_groups", context.project.placement_groups, (group) => showPlacementGroup(context, group)),
  },
  {
    method: "POST",
    path: "/placement_groups",
    handle: (context) => {
      const { name, type, labels } = parse(groupBody, context.body);
      const { placement_groups } = context.project;
      requireFreeName(placement_groups, name);
      if (placement_groups.length >= mostGroups)
        throw new ApiError("resource_limit_exceeded", `a project has at most ${mostGroups} placement groups`);
      const group: PlacementGroup = { id: context.newId(), name, type, labels, createdMs: context.nowMs };
      placement_groups.push(group);
      const action = context.begin({
        command: "create_placement_group",
        resources: [{ id: group.id, type: "placement_group" }],
      });
      return {
        status: 201,
        body: { placement_group: showPlacementGroup(context, group), action: context.shown(action) },
      };
    },
  },
  {
    method: "GET",
    path: "/placement_groups/:id",
    handle: (context) => ({
      body: {
        placement_group: showPlacementGroup(
          context,
          find(context.project.placement_groups, "placement_group", context.at.id ?? ""),
        ),
      },
    }),
  },
  {
    method: "PUT",
    path: "/placement_groups/:id",
    handle: (context) => {
      const group = find(context.project.placement_groups, "placement_group", context.at.id ?? "");
      applyRename(context.project.placement_groups, group, parse(rename, context.body));
      return { body: { placement_group: showPlacementGroup(context, group) } };
    },
  },
  {
    method: "DELETE",
    path: "/placement_groups/:id",
    handle: ({ project, at }) => {
      const group = find(project.placement_groups, "placement_group", at.id ?? "");
      project.placement_groups = project.placement_groups.filter((other) => other !== group);
      for (const server of project.servers) if (server.placementGroup === group.id) server.placementGroup = null;
      return { status: 204 };
    },
  },
];

export const smallRoutes: readonly Route[] = [...sshKeys, ...placementGroups];
