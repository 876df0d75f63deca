/**
 * What the cloud offers: locations, server types, images. A selection, with the shape of the real catalogue and the names
 * that were reported in 2026; which type is available where is made up, and tests change it.
 */

export type Architecture = "x86" | "arm";

export interface Location {
  readonly id: number;
  readonly name: string;
  readonly description: string;
  readonly country: string;
  readonly city: string;
  readonly latitude: number;
  readonly longitude: number;
  readonly network_zone: string;
}

export const locations: readonly Location[] = [
  [1, "fsn1", "Falkenstein DC Park 1", "DE", "Falkenstein", 50.48, 12.37, "eu-central"],
  [2, "nbg1", "Nuremberg DC Park 1", "DE", "Nuremberg", 49.45, 11.08, "eu-central"],
  [3, "hel1", "Helsinki DC Park 1", "FI", "Helsinki", 60.17, 24.94, "eu-central"],
  [4, "ash", "Ashburn, VA", "US", "Ashburn, VA", 39.05, -77.47, "us-east"],
  [5, "hil", "Hillsboro, OR", "US", "Hillsboro, OR", 45.54, -122.95, "us-west"],
  [6, "sin", "Singapore", "SG", "Singapore", 1.28, 103.83, "ap-southeast"],
].map(([id, name, description, country, city, latitude, longitude, network_zone]) => ({
  id: id as number,
  name: name as string,
  description: description as string,
  country: country as string,
  city: city as string,
  latitude: latitude as number,
  longitude: longitude as number,
  network_zone: network_zone as string,
}));

/** When a type or image stops being sold. */
export interface Deprecation {
  readonly announced: string;
  readonly unavailable_after: string;
}

export interface TypeLocation {
  readonly name: string;
  available: boolean;
  readonly deprecation: Deprecation | null;
}

export interface ServerType {
  readonly id: number;
  readonly name: string;
  readonly cores: number;
  /** GB */
  readonly memory: number;
  /** GB */
  readonly disk: number;
  readonly cpuType: "shared" | "dedicated";
  readonly architecture: Architecture;
  readonly locations: TypeLocation[];
}

const everywhere = ["fsn1", "nbg1", "hel1", "ash", "hil", "sin"];
const europe = ["fsn1", "nbg1", "hel1"];
const withdrawn: Deprecation = {
  announced: "2025-10-15T00:00:00+00:00",
  unavailable_after: "2026-01-01T00:00:00+00:00",
};

function type(
  id: number,
  name: string,
  [cores, memory, disk]: readonly [number, number, number],
  where: readonly string[],
  rest: { cpuType?: "dedicated"; architecture?: "arm"; deprecation?: Deprecation; soldOut?: readonly string[] } = {},
): ServerType {
  const { cpuType = "shared", architecture = "x86", deprecation = null, soldOut = [] } = rest;
  const typeLocations = where.map((location) => ({
    name: location,
    available: deprecation === null && !soldOut.includes(location),
    deprecation,
  }));
  return { id, name, cores, memory, disk, cpuType, architecture, locations: typeLocations };
}

/** A fresh copy, for its availability changes. */
export const serverTypes = (): ServerType[] => [
  type(1, "cx22", [2, 4, 40], europe, { deprecation: withdrawn }),
  type(2, "cpx11", [2, 2, 40], everywhere, { deprecation: withdrawn }),
  type(114, "cx23", [2, 4, 40], europe),
  type(115, "cx33", [4, 8, 80], europe, { soldOut: ["hel1"] }),
  type(116, "cx43", [8, 16, 160], europe),
  type(117, "cx53", [16, 32, 320], europe),
  type(121, "cpx12", [1, 2, 40], everywhere),
  type(122, "cpx22", [2, 4, 80], everywhere),
  type(123, "cpx32", [4, 8, 160], everywhere),
  type(124, "cpx42", [8, 16, 320], everywhere),
  type(125, "cpx52", [12, 24, 480], everywhere),
  type(126, "cpx62", [16, 32, 640], everywhere),
  type(45, "cax11", [2, 4, 40], europe, { architecture: "arm" }),
  type(93, "cax21", [4, 8, 80], europe, { architecture: "arm" }),
  type(94, "cax31", [8, 16, 160], europe, { architecture: "arm" }),
  type(95, "cax41", [16, 32, 320], europe, { architecture: "arm" }),
  type(96, "ccx13", [2, 8, 80], everywhere, { cpuType: "dedicated" }),
  type(97, "ccx23", [4, 16, 160], everywhere, { cpuType: "dedicated" }),
  type(98, "ccx33", [8, 32, 240], everywhere, { cpuType: "dedicated" }),
  type(99, "ccx43", [16, 64, 360], everywhere, { cpuType: "dedicated" }),
  type(100, "ccx53", [32, 128, 600], everywhere, { cpuType: "dedicated" }),
  type(101, "ccx63", [48, 192, 960], everywhere, { cpuType: "dedicated" }),
];

export interface Image {
  readonly id: number;
  readonly name: string;
  readonly description: string;
  readonly osFlavor: string;
  readonly osVersion: string;
  readonly architecture: Architecture;
  readonly deprecated: string | null;
}

const system = (
  id: number,
  osFlavor: string,
  osVersion: string,
  architecture: Architecture,
  deprecated: string | null = null,
): Image => ({
  id,
  name: `${osFlavor}-${osVersion}`,
  description: `${osFlavor[0]?.toUpperCase()}${osFlavor.slice(1)} ${osVersion}`,
  osFlavor,
  osVersion,
  architecture,
  deprecated,
});

export const images: readonly Image[] = [
  system(114690387, "debian", "12", "x86"),
  system(114690389, "debian", "12", "arm"),
  system(310557660, "debian", "13", "x86"),
  system(310557663, "debian", "13", "arm"),
  system(161547269, "ubuntu", "24.04", "x86"),
  system(161547270, "ubuntu", "24.04", "arm"),
  system(67794396, "ubuntu", "22.04", "x86"),
  system(103908070, "ubuntu", "22.04", "arm"),
  system(45557056, "debian", "11", "x86", "2026-08-31T00:00:00+00:00"),
];
