/** Labels, and the selectors by which lists are narrowed: `a=b,c!=d,e,!f,g in (x,y),h notin (z)`. Pure. */
import { invalidField } from "./api-error.ts";
import type { Labels } from "./state.ts";

type Term = (labels: Labels) => boolean;

/** @throws ApiError invalid_input */
export function parseSelector(text: string): Term {
  const terms = (text.match(/[^,(]+(\([^)]*\))?/g) ?? []).map((term) => parseTerm(term.trim()));
  return (labels) => terms.every((term) => term(labels));
}

function parseTerm(text: string): Term {
  const listed = /^([^\s!=()]+)\s+(in|notin)\s+\(([^)]*)\)$/.exec(text);
  if (listed !== null) {
    const [, key = "", word, list = ""] = listed;
    const values = list.split(",").map((value) => value.trim());
    return (labels) => values.includes(labels[key] ?? "\0") === (word === "in");
  }
  const compared = /^([^\s!=()]+)\s*(==|=|!=)\s*([^\s!=()]*)$/.exec(text);
  if (compared !== null) {
    const [, key = "", sign, value] = compared;
    return (labels) => (labels[key] === value) === (sign !== "!=");
  }
  const [, not, key] = /^(!?)([^\s!=()]+)$/.exec(text) ?? [];
  if (key === undefined) throw invalidField("label_selector", `cannot read "${text}"`);
  return (labels) => key in labels === (not === "");
}
