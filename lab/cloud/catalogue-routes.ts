/** What the cloud offers, and actions: all that is only read. */
import { type Image, images, locations } from "./catalogue.ts";
import type { Context, Route } from "./context.ts";
import { find } from "./input.ts";
import { list } from "./listing.ts";
import { showAction, showImage, showServerType } from "./shown.ts";
import type { Action } from "./state.ts";

function selectedImages({ query }: Context): Image[] {
  const architectures = query.getAll("architecture");
  const types = query.getAll("type");
  const withDeprecated = query.get("include_deprecated") === "true";
  return images.filter(
    ({ architecture, deprecated }) =>
      (architectures.length === 0 || architectures.includes(architecture)) &&
      (types.length === 0 || types.includes("system")) &&
      (deprecated === null || withDeprecated),
  );
}

/** The project's actions that the query selects, of all resources or of one. */
function actionPage(context: Context, of: (action: Action) => boolean) {
  const { query, state, projectIndex, nowMs } = context;
  const ids = query.getAll("id");
  const statuses = query.getAll("status");
  const found = state.actions.filter(
    (action) =>
      action.project === projectIndex &&
      of(action) &&
      (ids.length === 0 || ids.includes(String(action.id))) &&
      (statuses.length === 0 || statuses.includes(action.status)),
  );
  const { items, meta } = list(found, query);
  return { body: { actions: items.map((action) => showAction(action, nowMs)), meta } };
}

const own = ({ state, projectIndex }: Context) => state.actions.filter(({ project }) => project === projectIndex);

/** Actions of one kind of resource: the list of all, the list of one's, and one of them. */
export function actionRoutes(plural: string, type: string): Route[] {
  const isOf =
    (context: Context) =>
    ({ resources }: Action) =>
      resources.some((resource) => resource.type === type && [undefined, String(resource.id)].includes(context.at.id));
  return [
    { method: "GET", path: `/${plural}/actions`, handle: (context) => actionPage(context, isOf(context)) },
    {
      method: "GET",
      path: `/${plural}/actions/:action`,
      handle: (context) => ({ body: { action: context.shown(find(own(context), "action", context.at.action ?? "")) } }),
    },
    { method: "GET", path: `/${plural}/:id/actions`, handle: (context) => actionPage(context, isOf(context)) },
    {
      method: "GET",
      path: `/${plural}/:id/actions/:action`,
      handle: (context) => ({
        body: { action: context.shown(find(own(context).filter(isOf(context)), "action", context.at.action ?? "")) },
      }),
    },
  ];
}

export const catalogueRoutes: readonly Route[] = [
  { method: "GET", path: "/locations", handle: (context) => context.page("locations", locations, (item) => item) },
  {
    method: "GET",
    path: "/locations/:id",
    handle: ({ at }) => ({ body: { location: find(locations, "location", at.id ?? "") } }),
  },
  {
    method: "GET",
    path: "/server_types",
    handle: (context) => context.page("server_types", context.state.serverTypes, showServerType),
  },
  {
    method: "GET",
    path: "/server_types/:id",
    handle: ({ state, at }) => ({
      body: { server_type: showServerType(find(state.serverTypes, "server type", at.id ?? "")) },
    }),
  },
  {
    method: "GET",
    path: "/images",
    handle: (context) => context.page("images", selectedImages(context), showImage),
  },
  {
    method: "GET",
    path: "/images/:id",
    handle: ({ at }) => ({ body: { image: showImage(find(images, "image", at.id ?? "")) } }),
  },
  { method: "GET", path: "/actions", handle: (context) => actionPage(context, () => true) },
  {
    method: "GET",
    path: "/actions/:action",
    handle: (context) => ({ body: { action: context.shown(find(own(context), "action", context.at.action ?? "")) } }),
  },
];
