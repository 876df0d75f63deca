/** What infra/index.ts does at the cloud: settings, the look at the project, the resources. It ends where hosts would be logged in to. */
import "../../../infra/lean-sdk.ts";
import { clearly, wordsForHandlers } from "../../../infra/clearly.ts";
import { beginCloud } from "../../../infra/cloud-run.ts";
import { loadConfiguration } from "../../../infra/config/load-configuration.ts";

wordsForHandlers();

export const hosts = await clearly(async () => {
  const cloud = await beginCloud(loadConfiguration(), new Set(), async () => []);
  const places = await cloud.make();
  return Object.fromEntries([...places].map(([name, { serverId }]) => [name, serverId]));
});
